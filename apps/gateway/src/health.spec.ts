import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGatewayFixture, type GatewayFixture } from './gateway-fixture.js';
import { Heartbeats } from './upstreams/heartbeats.js';

let fixture: GatewayFixture;
beforeAll(async () => {
  fixture = await startGatewayFixture();
});
afterAll(() => fixture.stop());

test('it is ready with a configuration, and while the vault is heard', async () => {
  const answer = await fetch(`${fixture.origin}/readyz`);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({
    status: 'ready',
    checks: { configuration: 'ok', vault: 'ok' },
  });
});

test('it is not once the vault has been silent for longer than a restart, until it is heard again', () => {
  const clock = { ms: 1_000, now: () => 0, monotonicMs: () => clock.ms };
  const heartbeats = new Heartbeats(clock, 3_000, () => undefined);
  clock.ms += 15_000;
  expect(heartbeats.problem).toBeUndefined();
  clock.ms += 5_000;
  expect(heartbeats.problem).toBe('not heard for 20 s: nothing can be borrowed');
  heartbeats.beat(1_700_000_000);
  expect(heartbeats.problem).toBeUndefined();
  heartbeats.reset();
  clock.ms += 16_000;
  expect(heartbeats.problem).toContain('16 s');
});

test.each([
  '/healthz',
  '/readyz',
  '/nothing',
  '/http/reports',
  '/mcp',
  '/mcp/demo',
  '/http/reports/%2e%2e/x',
  '/.well-known/oauth-protected-resource',
])('row 22, no browser may take an answer of ours for what it is not: %s', async (path) => {
  const answer = await fetch(`${fixture.origin}${path}`);
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
});
