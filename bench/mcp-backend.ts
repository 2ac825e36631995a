import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/*
 * The least of an MCP server of revision 2026-07-28: fifty tools, each of which answers one kilobyte. It checks
 * nothing, so that what is measured is what stands before it.
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
const content = [{ type: 'text', text: 'x'.repeat(935) }];
const results: Readonly<Record<string, object>> = {
  'server/discover': {
    supportedVersions: ['2026-07-28'],
    capabilities: { tools: {} },
    _meta: { 'io.modelcontextprotocol/serverInfo': { name, version: '1' } },
  },
  'tools/list': { tools, ttlMs: 300_000, cacheScope: 'public' },
  'tools/call': { content, isError: false },
};

const server = createServer(async (request, response) => {
  const { id, method } = JSON.parse(await text(request)) as { id: unknown; method: string };
  const result = results[method];
  const body = JSON.stringify(
    result === undefined
      ? { jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } }
      : { jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } },
  );
  response.writeHead(result === undefined ? 404 : 200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
