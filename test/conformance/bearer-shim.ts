import { request as send } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { startLocalServer } from '#lib/testing/local-server';
import type { LocalServer } from '#lib/testing/local-server';

/** Hands everything on as it comes, both ways, but for a bearer token that it adds: the suite has no option for one. */
export async function startBearerShim(target: string, token: string): Promise<LocalServer> {
  return startLocalServer((request, response) => pass(request, response, target, token));
}

function pass(
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
  token: string,
): void {
  const { method, headers } = request;
  const sent = { ...headers, authorization: `Bearer ${token}` };
  const upstream = send(target, { method, headers: sent, agent: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    response.flushHeaders();
    answer.pipe(response);
    answer.once('error', () => response.destroy());
  });
  upstream.once('error', () => response.destroy());
  response.once('close', () => upstream.destroy());
  request.pipe(upstream);
}
