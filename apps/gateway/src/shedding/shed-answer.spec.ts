import { Agent, request as ask, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { Registry } from 'prom-client';
import { startGatewayFixture, upstreamOf, type GatewayFixture } from '../gateway-fixture.js';
import { CallRoutes } from '../call-routes.js';
import { checkedServer, requestCheck } from '../inbound/checked-server.js';
import { LoadShedding } from './load-shedding.js';
import { showLoad } from './show-load.js';
import { ShedLines } from './watch-load.js';

let server: Server | undefined;
let fixture: GatewayFixture | undefined;
afterEach(async () => {
  server?.close();
  server?.closeAllConnections();
  await fixture?.stop();
  [server, fixture] = [undefined, undefined];
});

/** A server with as many calls in flight as it may have. */
async function fullServer(load: LoadShedding): Promise<{ origin: string; served: string[] }> {
  const served: string[] = [];
  load.enter();
  const check = requestCheck({ refuseMalformed: () => undefined }, load);
  server = checkedServer(check, new CallRoutes(), (request, response) => {
    served.push(request.url ?? '');
    response.end('served');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, served };
}

describe('a call that is shed', () => {
  test('is answered 503 with Retry-After before anything of it is looked at', async () => {
    const load = new LoadShedding({ delayMs: 0, calls: 1 });
    const { origin, served } = await fullServer(load);
    const response = await fetch(`${origin}/http/reports/x`, { method: 'POST', body: 'x' });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toMatch(/^[1-4]$/);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({
      type: 'urn:symbolon:temporarily-unavailable',
      status: 503,
    });
    expect(served).toEqual([]);
    expect(load.shed).toEqual({ delay: 0, calls: 1 });
  });

  test.each(['/mcp', '/mcp/snow'])('is a JSON-RPC error at %s', async (path) => {
    const { origin } = await fullServer(new LoadShedding({ delayMs: 0, calls: 1 }));
    const response = await fetch(origin + path, { method: 'POST', body: '{}' });
    expect([response.status, response.headers.get('content-type')]).toEqual([
      503,
      'application/json',
    ]);
    expect(await response.json()).toMatchObject({
      jsonrpc: '2.0',
      id: null,
      error: { code: -32603, data: { problem: 'temporarily-unavailable' } },
    });
  });

  test('leaves its connection to the next one, which is served once there is room', async () => {
    const load = new LoadShedding({ delayMs: 0, calls: 1 });
    const { origin } = await fullServer(load);
    const connections: unknown[] = [];
    server?.on('connection', (socket) => connections.push(socket));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const statuses = [];
    for (const room of [false, true]) {
      if (room) load.left();
      const sent = ask(`${origin}/http/x`, { method: 'POST', agent }).end('body');
      const [response] = await once(sent, 'response');
      await once(response.resume(), 'end');
      statuses.push(response.statusCode);
    }
    agent.destroy();
    expect([statuses, connections.length]).toEqual([[503, 200], 1]);
  });

  test('with a body that never ends is answered all the same', async () => {
    const { origin } = await fullServer(new LoadShedding({ delayMs: 0, calls: 1 }));
    const sent = ask(`${origin}/http/x`, { method: 'POST' });
    sent.on('error', () => undefined);
    sent.write('beginning');
    const [response] = await once(sent, 'response');
    expect(response.statusCode).toBe(503);
    sent.destroy();
  });

  test.each(['/healthz', '/readyz', '/.well-known/oauth-protected-resource/mcp'])(
    'is never %s',
    async (path) => {
      const load = new LoadShedding({ delayMs: 0, calls: 1 });
      const { origin, served } = await fullServer(load);
      expect((await fetch(origin + path)).status).toBe(200);
      expect([served, load.shed.calls]).toEqual([[path], 0]);
    },
  );
});

test('to an event loop that is late a share of the calls is let in, and all once it comes round in time', async () => {
  const load = new LoadShedding({ delayMs: 100, calls: 0 });
  const { origin, served } = await fullServer(load);
  for (let i = 1; i < 64; i += 1) load.enter();
  const statuses = async (): Promise<number[]> => {
    const found: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      const response = await fetch(`${origin}/http/x`);
      await response.arrayBuffer();
      found.push(response.status);
    }
    return found;
  };
  expect(await statuses()).toEqual(Array(8).fill(200));
  for (const nowMs of [0, 200]) load.observe(200, nowMs);
  expect(load.share).toBe(0.5);
  expect(await statuses()).toEqual([200, 503, 200, 503, 200, 503, 200, 503]);
  expect(served).toHaveLength(12);
  for (let nowMs = 500; nowMs < 10_000; nowMs += 100) load.observe(0, nowMs);
  expect(await statuses()).toEqual(Array(8).fill(200));
});

test('what is shed is counted and told in one line a second at most', async () => {
  const load = new LoadShedding({ delayMs: 0, calls: 1 });
  const registry = new Registry();
  showLoad(load, registry);
  const told: unknown[] = [];
  const lines = new ShedLines(load, { warn: (entry) => void told.push(entry) });
  lines.write(1_000);
  for (let i = 0; i < 5_000; i += 1) {
    load.wasShed('calls');
    lines.write(1_000 + i);
  }
  expect(told.map((entry) => (entry as { shed: unknown }).shed)).toEqual(
    [1, 1_000, 1_000, 1_000, 1_000].map((calls) => ({ calls })),
  );
  const metrics = await registry.metrics();
  expect(metrics).toContain('symbolon_shed_calls_total{reason="calls"} 5000');
  expect(metrics).toContain('symbolon_admitted_share 1');
});

test('open streams live on while calls are shed, and leave room as they end', async () => {
  fixture = await startGatewayFixture({
    upstreams: (origin) => [upstreamOf('reports', origin, { credential: { type: 'none' } })],
    environment: { SYMBOLON_GATEWAY_MAX_CALLS: '1' },
  });
  const { origin } = fixture;
  let more: (text: string) => void = () => undefined;
  fixture.serve = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    more = (text) => void (text === 'end' ? response.end() : response.write(text));
  };
  const headers = { authorization: `Bearer ${await fixture.token()}` };
  const stream = await fetch(`${origin}/http/reports/events`, { headers });
  const reader = stream.body?.getReader();
  const shed = await fetch(`${origin}/http/reports/x`, { headers });
  await shed.arrayBuffer();
  expect([stream.status, shed.status, fixture.seen.length]).toEqual([200, 503, 1]);
  const handshake = ask(`${origin}/http/reports/socket`, {
    headers: { ...headers, connection: 'upgrade', upgrade: 'websocket' },
  }).end();
  const [refused] = await once(handshake, 'response');
  expect([refused.statusCode, fixture.seen.length]).toEqual([503, 1]);
  expect(refused.headers['retry-after']).toMatch(/^[1-4]$/);
  more('data: still here\n\n');
  expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toContain('still here');
  more('end');
  await reader?.read();
  fixture.serve = (_request, response) => void response.end('hello');
  await expect
    .poll(async () => (await fetch(`${origin}/http/reports/x`, { headers })).status, {
      timeout: 10_000,
    })
    .toBe(200);
});
