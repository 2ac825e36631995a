import type { ServerResponse } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { startLocalServer, type LocalServer } from '#lib/testing/local-server';
import { startGatewayFixture, upstreamOf, type GatewayFixture } from '../gateway-fixture.js';

let fixture: GatewayFixture | undefined;
let hung: LocalServer | undefined;
afterEach(async () => {
  await fixture?.stop();
  await hung?.stop();
});

const most = 400;
const calls = 500;
/** One person may have 128 calls open. */
const people = 5;
const patient = { timeout: 30_000 };

test('500 calls to an upstream that hangs take its own connections, and every call to another is served', async () => {
  const held: ServerResponse[] = [];
  const sockets = new Set<unknown>();
  hung = await startLocalServer((request, response) => {
    sockets.add(request.socket);
    held.push(response);
  });
  const credential = { type: 'none' } as const;
  fixture = await startGatewayFixture({
    upstreams: (origin) => [
      upstreamOf('hung', hung?.origin ?? '', { credential, timeoutMs: 60_000 }),
      upstreamOf('quick', origin, { credential }),
    ],
    environment: { SYMBOLON_GATEWAY_UPSTREAM_CONNECTIONS: String(most) },
  });
  const { origin, issuer } = fixture;
  const tokens = await Promise.all(
    Array.from({ length: people }, (_, i) =>
      issuer.accessToken({ subject: `person-${i}`, clientId: 'cli', audience: origin }),
    ),
  );
  const call = async (path: string, i: number): Promise<number> => {
    const headers = { authorization: `Bearer ${tokens[i % people]}` };
    const response = await fetch(`${origin}/http/${path}`, { headers });
    await response.arrayBuffer();
    if (response.status === 503) expect(response.headers.get('retry-after')).toBe('1');
    return response.status;
  };
  const statuses: number[] = [];
  const waiting = Array.from({ length: calls }, async (_, i) => {
    const status = await call('hung/x', i).catch(() => 0);
    statuses.push(status);
    return status;
  });
  await expect.poll(() => [held.length, statuses.length], patient).toEqual([most, calls - most]);
  expect(new Set(statuses)).toEqual(new Set([503]));

  const served = await Promise.all(Array.from({ length: 100 }, (_, i) => call('quick/x', i)));
  expect(new Set(served)).toEqual(new Set([200]));
  expect(sockets.size).toBe(most);

  for (const response of held) response.end('at last');
  const ended = await Promise.all(waiting);
  expect(ended.filter((status) => status === 200)).toHaveLength(most);
  const again = call('hung/x', 0);
  await expect.poll(() => held.length, patient).toBe(most + 1);
  held.at(-1)?.end('again');
  expect(await again).toBe(200);
}, 60_000);
