import type { Asked } from './asked.js';

/** Before 2026-07-28 a client opens a session; since then each request says all. */
export type Era = 'modern' | 'legacy';

export const revisions: Readonly<Record<Era, string>> = {
  modern: '2026-07-28',
  legacy: '2025-11-25',
};

export interface ToolCall {
  readonly url: string;
  readonly token: string;
  readonly tool: string;
  /** Of a client of the earlier era. */
  readonly session?: string;
}

const meta = {
  'io.modelcontextprotocol/protocolVersion': revisions.modern,
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
};
const bodyBytes = 1024;

/** `tools/call` of one kilobyte. */
export function toolCall({ url, token, tool, session }: ToolCall): Asked {
  const written = (id: string) => {
    const params = {
      name: tool,
      arguments: { id },
      ...(session === undefined ? { _meta: meta } : {}),
    };
    return JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  };
  const body = written('x'.repeat(bodyBytes - written('').length));
  const { headers } = rpc(token, session === undefined ? 'modern' : 'legacy');
  const own: Readonly<Record<string, string>> =
    session === undefined
      ? { 'mcp-method': 'tools/call', 'mcp-name': tool }
      : { 'mcp-session-id': session };
  return { url, body, headers: { ...headers, ...own } };
}

/** Answers its id. */
export async function openSession(url: string, token: string): Promise<string> {
  const { headers } = rpc(token, 'legacy');
  const send = (message: object, more: Readonly<Record<string, string>> = {}) =>
    fetch(url, {
      method: 'POST',
      headers: { ...headers, ...more },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
  const clientInfo = { name: 'bench', version: '1' };
  const params = { protocolVersion: revisions.legacy, capabilities: {}, clientInfo };
  const opened = await send({ id: 0, method: 'initialize', params });
  const session = opened.headers.get('mcp-session-id');
  const answer = await opened.text();
  if (session === null) throw new Error(`${url}: initialize: ${opened.status} ${answer}`);
  const told = await send({ method: 'notifications/initialized' }, { 'mcp-session-id': session });
  await told.body?.cancel();
  return session;
}

function rpc(token: string, era: Era): { readonly headers: Readonly<Record<string, string>> } {
  return {
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${token}`,
      'mcp-protocol-version': revisions[era],
    },
  };
}
