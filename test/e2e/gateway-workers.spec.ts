import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalServer } from '#lib/testing/local-server';
import { until } from '#lib/testing/until';
import { lives, upstreamOf, WorkersWorld } from './gateway-workers-world.js';

let world: WorkersWorld;
let call: { readonly authorization: string };
/** Answers of `/slow` wait for this. */
let slow: Promise<void> = Promise.resolve();
const handshakes: string[] = [];

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/slow') await slow;
  if (request.url !== '/mcp') return void response.end('served');
  if (request.method !== 'POST') return void response.writeHead(405).end();
  let text = '';
  for await (const part of request) text += String(part);
  const { id, method } = JSON.parse(text) as { id?: number; method: string };
  if (id === undefined) return void response.writeHead(202).end();
  if (method === 'initialize') handshakes.push(`session-${handshakes.length}`);
  const result =
    method === 'initialize'
      ? {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {} },
          serverInfo: { name: 'demo', version: '1' },
        }
      : { content: [{ type: 'text', text: String(request.headers['mcp-session-id']) }] };
  response.setHeader('content-type', 'application/json');
  if (method === 'initialize') response.setHeader('mcp-session-id', handshakes.at(-1) ?? '');
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
}

beforeAll(async () => {
  world = await WorkersWorld.make(serve, (origin) => [
    upstreamOf('open', origin),
    upstreamOf('small', origin, { limits: { bodyBytes: 4 } }),
    upstreamOf('demo', `${origin}/mcp`, { type: 'mcp' }),
    upstreamOf('asks', `${origin}/mcp`, {
      type: 'mcp',
      credential: { type: 'oauth', scopes: ['read'] },
    }),
  ]);
  await world.app.start();
  await until(async () => (await world.pids()).length === 2, { seconds: 10 });
  call = { authorization: `Bearer ${await world.token('/http/open')}` };
});

afterAll(() => world?.stop());

describe('two workers behind one port', () => {
  it('both serve, whole lines say which of them, and metrics are the sums of both', async () => {
    const authorization = `Bearer ${await world.token('/http/small')}`;
    const tooLarge = { method: 'POST', body: 'too much', headers: { authorization } };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => world.send('/http/small/x', tooLarge)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([413]));
    const refused = 'symbolon_limited_calls_total{upstream="small"';
    expect(await world.metric(refused)).toBe(20);
    expect(await world.metric('symbolon_gateway_workers{')).toBe(2);
    const logged = async () => await world.lines('http.call');
    expect(await until(async () => (await logged()).length === 20, { seconds: 5 })).toBe(true);
    const by = (await logged()).map(({ worker }) => worker);
    expect([by.includes(1), by.includes(2), by.length]).toEqual([true, true, 20]);
  });

  it('one that is killed under load is replaced; the other serves on, and nothing counted is lost', async () => {
    const counted = 'symbolon_limited_calls_total{upstream="small"';
    const before = await world.metric(counted);
    const [victim = 0] = await world.pids();
    const statuses: (number | 'cut')[] = [];
    const load = Array.from({ length: 4 }, async () => {
      for (let i = 0; i < 40; i += 1)
        statuses.push(
          await world.send('/http/open/x', { headers: call }).then(
            ({ status }) => status,
            () => 'cut' as const,
          ),
        );
    });
    process.kill(victim, 'SIGKILL');
    await Promise.all(load);
    // Only what the dead one had in hand.
    expect(statuses.filter((status) => status !== 200).length).toBeLessThan(20);
    expect(statuses.slice(-20)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(await until(async () => (await world.pids()).length === 3, { seconds: 10 })).toBe(true);
    expect(await world.lines('worker.ended')).toMatchObject([
      { pid: victim, signal: 'SIGKILL', level: 'error' },
    ]);
    expect(await world.metric('symbolon_gateway_worker_restarts')).toBe(1);
    expect(await world.metric('symbolon_gateway_workers{')).toBe(2);
    expect(await world.metric(counted)).toBe(before);
  });
});
