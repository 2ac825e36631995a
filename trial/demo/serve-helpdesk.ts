import type { IncomingMessage, ServerResponse } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { readBody, sendJson } from '#lib/testing/local-server';
import { helpdeskTokenPage } from '../pages/helpdesk-token-page.js';
import { helpdeskMcpServer } from './helpdesk-mcp-server.js';
import { HelpdeskTokens } from './helpdesk-tokens.js';
import type { HelpdeskUser } from './helpdesk-tokens.js';

/**
 * A service without OAuth: `/helpdesk/tokens` gives people their access tokens, `/helpdesk/me` says whose one is,
 * `/helpdesk/mcp` is an MCP server of both eras, which answers callers without a token too. `key` makes the tokens.
 */
export function helpdesk(key: string) {
  const tokens = new HelpdeskTokens(key);
  const mcp = toNodeHandler(
    createMcpHandler(() =>
      helpdeskMcpServer(({ http }) => http?.authInfo?.extra?.['user'] as HelpdeskUser | undefined),
    ),
  );
  return async (path: string, request: IncomingMessage, response: ServerResponse) => {
    if (path === '/helpdesk/tokens') {
      response.writeHead(200, { 'content-type': 'text/html', 'cache-control': 'no-store' });
      return void response.end(helpdeskTokenPage(tokens.all()));
    }
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const user = token === undefined ? undefined : tokens.holderOf(token);
    if (token !== undefined && user === undefined) return sendJson(response, 401, {});
    if (path === '/helpdesk/me')
      return sendJson(response, user === undefined ? 401 : 200, { user });
    if (path !== '/helpdesk/mcp') return sendJson(response, 404, {});
    const auth = { token: token ?? '', clientId: user ?? 'nobody', scopes: [], extra: { user } };
    const body = await readBody(request);
    await mcp(Object.assign(request, { auth }), response, parsed(body));
  };
}

function parsed(body: string): unknown {
  try {
    return body === '' ? undefined : JSON.parse(body);
  } catch {
    return undefined;
  }
}
