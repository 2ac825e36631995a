import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '#lib/testing/free-port';
import { until } from '#lib/testing/until';
import { startGatewayFixture, upstreamOf, type GatewayFixture } from '../gateway-fixture.js';

let fixture: GatewayFixture;
let deadPort: number;
const mcp = { type: 'mcp', credential: { type: 'none' } } as const;

beforeAll(async () => {
  deadPort = await freePort();
  fixture = await startGatewayFixture({
    upstreams: (origin) => [
      upstreamOf('rated', origin, { ...mcp, limits: { personPerMinute: 2 } }),
      upstreamOf('sized', origin, { ...mcp, limits: { bodyBytes: 400, headerBytes: 2000 } }),
      upstreamOf('joined', origin, { ...mcp, limits: { personPerMinute: 2 } }),
      upstreamOf('dead', `http://127.0.0.1:${deadPort}`, mcp),
    ],
  });
});
afterAll(() => fixture.stop());
beforeEach(() => {
  fixture.seen.length = 0;
  fixture.serve = (_request, response) =>
    void response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools: [] } }));
});

const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** A tool of `joined` at the endpoint of all. */
async function callJoined(): Promise<Response> {
  const params = { name: 'joined_echo', arguments: {}, _meta: meta };
  return fetch(`${fixture.origin}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await fixture.token('/mcp')}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'joined_echo',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params }),
  });
}

async function list(slug: string, more: RequestInit & { pad?: string } = {}): Promise<Response> {
  const token = await fixture.token(`/mcp/${slug}`);
  const params = more.pad === undefined ? {} : { cursor: more.pad };
  return fetch(`${fixture.origin}/mcp/${slug}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/list',
      ...(more.headers as object),
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/list',
      params: {
        ...params,
        _meta: meta,
      },
    }),
  });
}

describe('the limits of an MCP server', () => {
  test('answers say what is left; beyond it 429 in JSON-RPC, with Retry-After and the RateLimit fields', async () => {
    const first = await list('rated');
    expect(first.status).toBe(200);
    expect(first.headers.get('ratelimit-policy')).toBe('"person";q=2;w=60');
    expect(first.headers.get('ratelimit')).toMatch(/^"person";r=1;t=\d+$/);
    await list('rated');
    const refused = await list('rated');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('ratelimit')).toMatch(/^"person";r=0;t=\d+$/);
    expect(await refused.json()).toMatchObject({
      jsonrpc: '2.0',
      error: { data: { problem: 'too-many-requests' } },
    });
  });

  test('a body that is too large is 413, header fields that are 431', async () => {
    const body = await list('sized', { pad: 'x'.repeat(400) });
    expect(body.status).toBe(413);
    expect(await body.json()).toMatchObject({ error: { data: { problem: 'too-large' } } });
    const fields = await list('sized', { headers: { 'x-thing': 'x'.repeat(2000) } });
    expect(fields.status).toBe(431);
    expect(await fields.json()).toMatchObject({
      error: { data: { problem: 'headers-too-large' } },
    });
    expect(fixture.seen).toHaveLength(0);
  });
});

test('they hold where all upstreams are joined too', async () => {
  fixture.serve = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { id } = JSON.parse(Buffer.concat(chunks).toString()) as { id: unknown };
    const result = { resultType: 'complete', content: [{ type: 'text', text: 'echo' }] };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  };
  const first = await callJoined();
  expect(await first.json()).toMatchObject({ id: 7, result: { content: [{ text: 'echo' }] } });
  expect(first.headers.get('ratelimit')).toMatch(/^"person";r=1;t=\d+$/);
  await callJoined();
  const before = fixture.seen.length;
  const refused = await callJoined();
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({
    id: 7,
    error: { data: { problem: 'too-many-requests' } },
  });
  expect(fixture.seen).toHaveLength(before);
});

describe('an MCP server that does not answer', () => {
  test('is left alone after a few calls, with a clear 503, and called again when it is back', async () => {
    const statuses: number[] = [];
    let held: Response | undefined;
    for (let i = 0; i < 8 && held === undefined; i += 1) {
      const answer = await list('dead');
      statuses.push(answer.status);
      if (answer.status === 503) held = answer;
    }
    expect(statuses.slice(0, -1)).toEqual([502, 502, 502, 502, 502]);
    expect(Number(held?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await held?.json()).toMatchObject({
      error: { data: { problem: 'temporarily-unavailable' } },
    });
    const text = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools: [] } });
    const back = createServer(
      (socket) =>
        void socket.on('data', () =>
          socket.end(
            `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
          ),
        ),
    );
    back.listen(deadPort, '127.0.0.1');
    await once(back, 'listening');
    const answers = async (): Promise<boolean> => (await list('dead')).status === 200;
    expect(await until(answers, { seconds: 10, everyMs: 200 })).toBe(true);
    back.close();
  });
});
