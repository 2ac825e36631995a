import { sendJson, startLocalServer } from './local-server.js';
import type { LocalServer } from './local-server.js';
import type { ScriptableAuthorizationServer } from './scriptable-authorization-server.js';

/** What is called in the end: says whose token came, and streams for as long as it is let. */
export async function startUpstreamApi(
  provider: ScriptableAuthorizationServer,
  port = 0,
): Promise<LocalServer> {
  return startLocalServer((request, response) => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const holder = provider.holderOf(token);
    if (request.url?.endsWith('/stream') !== true)
      return sendJson(response, 200, { account: holder?.subject ?? null });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const beat = setInterval(() => response.write(': still here\n\n'), 200);
    response.once('close', () => clearInterval(beat));
  }, port);
}
