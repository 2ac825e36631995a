import { jsonAnswer, serveRaw, type RawRequest } from './harness/raw-server.js';

/*
 * The least of an MCP server of both eras: fifty tools, each of which answers one kilobyte. It checks nothing, and of
 * a call it reads the id alone, so that what is measured is what stands before it.
 */
const name = process.argv[2] ?? 'tool';
const tools = Array.from({ length: 50 }, (_, i) => ({
  name: `${name}_${i}`,
  description: `The tool number ${i} of a server that is measured. `.repeat(3),
  inputSchema: {
    type: 'object',
    properties: { id: { type: 'string' }, limit: { type: 'integer' } },
  },
}));
const serverInfo = { name, version: '1' };
const capabilities = { tools: {} };
const results: Readonly<Record<string, object>> = {
  initialize: { protocolVersion: '2025-11-25', capabilities, serverInfo },
  ping: {},
  'server/discover': {
    ...{ supportedVersions: ['2026-07-28'], capabilities, resultType: 'complete' },
    _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
  },
  'tools/list': { tools, ttlMs: 300_000, cacheScope: 'public', resultType: 'complete' },
};
const content = [{ type: 'text', text: 'x'.repeat(935) }];
const called = JSON.stringify({ content, isError: false, resultType: 'complete' });
const beginning = /^\{"jsonrpc":"2\.0","id":("[^"\\]*"|\d+),"method":"tools\/call"/;

serveRaw({ wantsBodies: true, answer: (request) => callAnswer(request) ?? otherAnswer(request) });

/** Undefined for anything but a call as clients write it. */
function callAnswer({ body }: RawRequest): string | undefined {
  const id = beginning.exec(body.toString('latin1', 0, 200))?.[1];
  return id === undefined ? undefined : resultAnswer(id, called);
}

function otherAnswer({ head, body }: RawRequest): string {
  if (!head.startsWith('POST')) return jsonAnswer('', '405 Method Not Allowed', 'allow: POST\r\n');
  const { id, method } = JSON.parse(body.toString('utf8')) as { id?: unknown; method: string };
  if (id === undefined) return jsonAnswer('', '202 Accepted');
  if (method === 'tools/call') return resultAnswer(JSON.stringify(id), called);
  const result = results[method];
  if (result !== undefined) {
    const session = method === 'initialize' ? `mcp-session-id: ${name}-session\r\n` : '';
    return resultAnswer(JSON.stringify(id), JSON.stringify(result), session);
  }
  const error = { code: -32601, message: 'Method not found' };
  return jsonAnswer(JSON.stringify({ jsonrpc: '2.0', id, error }), '404 Not Found');
}

function resultAnswer(id: string, result: string, fields = ''): string {
  return jsonAnswer(`{"jsonrpc":"2.0","id":${id},"result":${result}}`, '200 OK', fields);
}
