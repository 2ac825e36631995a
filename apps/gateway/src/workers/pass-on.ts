import {
  request as httpRequest,
  type Agent,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { pipeline } from 'node:stream';
import { createRequestId } from '#lib/observability/request-id';
import { Problem } from '#lib/problem/problem';
import { renderProblemJson } from '#lib/problem/render';

export interface Passage {
  /** Of 127.0.0.1. */
  readonly port: number;
  readonly agent: Agent;
  /** A header that is added; one of that name that the client sent is left out. */
  readonly mark: readonly [name: string, value: string];
  /** Nobody is there, and nothing of the body has been read. */
  readonly otherwise: () => void;
}

const ofTheConnection = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade']);
const away = 'The process that keeps this session is being started again. Retry.';

/** Has another process serve the request as it came, both ways as the bytes come. */
export function passOn(request: IncomingMessage, response: ServerResponse, to: Passage): void {
  const { port, agent, mark, otherwise } = to;
  const dropped = new Set([...ofTheConnection, mark[0]]);
  // Only framing tells whether there is a body; it must not be guessed anew.
  if (request.headers['transfer-encoding'] !== undefined) dropped.delete('transfer-encoding');
  const hop = httpRequest({
    ...{ host: '127.0.0.1', port, agent, method: request.method, path: request.url },
    headers: [...without(request.rawHeaders, dropped), ...mark],
  });
  let begun = false;
  const begin = (): void => {
    begun = true;
    request.pipe(hop);
  };
  hop.once('socket', (socket) => (socket.connecting ? socket.once('connect', begin) : begin()));
  hop.once('response', (answer) => {
    const { statusCode = 502, statusMessage, rawHeaders } = answer;
    response.writeHead(statusCode, statusMessage, without(rawHeaders, ofTheConnection));
    response.flushHeaders();
    pipeline(answer, response, () => undefined);
  });
  hop.once('error', () => {
    if (response.destroyed) return;
    if (response.headersSent) response.destroy();
    else if (begun) refuse(response);
    else otherwise();
  });
  response.once('close', () => hop.destroy());
}

function without(rawHeaders: readonly string[], names: ReadonlySet<string>): string[] {
  return rawHeaders.filter((_, i) => !names.has((rawHeaders[i - (i % 2)] ?? '').toLowerCase()));
}

function refuse(response: ServerResponse): void {
  const problem = new Problem('temporarily-unavailable', away, { headers: { 'retry-after': '1' } });
  const { status, headers, body } = renderProblemJson(problem, createRequestId());
  response.writeHead(status, headers).end(body);
}
