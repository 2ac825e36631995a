import { sendJson, startLocalServer } from '#lib/testing/local-server';
import type { LocalServer } from '#lib/testing/local-server';
import type { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';

/** What is called in the end: says whose token came, and streams for as long as it is let. */
export async function startUpstreamApi(
  provider: ScriptableAuthorizationServer,
): Promise<LocalServer> {
  return startLocalServer((request, response) => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const holder = provider.holderOf(token);
    if (request.url?.endsWith('/stream') !== true)
      return sendJson(response, 200, { account: holder?.subject ?? null });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const beat = setInterval(() => response.write(': still here\n\n'), 200);
    response.once('close', () => clearInterval(beat));
  });
}
