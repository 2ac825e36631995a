import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createLogger } from '#lib/observability/logger';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import { TraceCollector } from '#lib/testing/trace-collector';
import { openTracing } from '#lib/tracing/open-tracing';
import { readVaultConfig } from './config.js';
import { type RunningVault, startVault } from './main.js';

let database: FreshDatabase;
let vault: RunningVault;

function configFor(databaseUrl: string) {
  const config = readVaultConfig({
    SYMBOLON_MODE: 'development',
    SYMBOLON_VAULT_PUBLIC_URL: 'http://127.0.0.1:4100',
    SYMBOLON_DATABASE_URL: databaseUrl,
    SYMBOLON_KEYRING: 'env:TEST_KEYRING',
    TEST_KEYRING: randomBytes(32).toString('base64url'),
    SYMBOLON_ADMIN_TOKEN: randomBytes(32).toString('base64url'),
  });
  return { ...config, port: 0 };
}

const logger = createLogger({ app: 'vault', level: 'silent' });

beforeAll(async () => {
  database = await freshDatabase();
  vault = await startVault(configFor(database.vaultUrl), logger);
});
afterAll(async () => {
  await vault.stop();
  await database.drop();
});

test('it is ready once the schema is current and the key ring open', async () => {
  const answer = await fetch(`${vault.origin}/readyz`);
  expect(await answer.json()).toMatchObject({
    status: 'ready',
    checks: { database: 'ok', schema: 'ok', sealing: 'ok', events: 'ok', registry: 'ok' },
  });
});

test.each([
  '/readyz',
  '/openapi.json',
  '/admin/v1/upstreams',
  '/nothing',
  '/.well-known/jwks.json',
])('row 22, no browser may take an answer for what it is not: %s', async (path) => {
  const answer = await fetch(`${vault.origin}${path}`);
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
});

test('and neither may it where the token endpoint refuses', async () => {
  const answer = await fetch(`${vault.origin}/oauth2/token`, { method: 'POST' });
  expect(answer.ok).toBe(false);
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
});

test('its requests are traced where that is asked for', async () => {
  const collector = await TraceCollector.start();
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  const failed = (reason: string): void => expect.fail(reason);
  const tracing = await openTracing({ app: 'vault', environment, failed });
  const traced = await startVault(configFor(database.vaultUrl), logger, undefined, tracing);
  await fetch(`${traced.origin}/readyz`);
  await fetch(`${traced.origin}/oauth2/token`, { method: 'POST' });
  await traced.stop();
  await tracing?.close();
  await collector.stop();
  vi.unstubAllEnvs();
  expect(collector.spans.map(({ name }) => name)).toEqual(['POST /oauth2/token']);
});

test('it tells clients of the exchange what they need (RFC 8414)', async () => {
  const answer = await fetch(`${vault.origin}/.well-known/oauth-authorization-server`);
  expect(await answer.json()).toMatchObject({
    issuer: 'http://127.0.0.1:4100',
    token_endpoint: 'http://127.0.0.1:4100/oauth2/token',
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
  });
});

test('the exchange without client authentication is invalid_client, and nobody may store that', async () => {
  const body = new URLSearchParams({ subject_token: 'x' });
  const answer = await fetch(`${vault.origin}/oauth2/token`, { method: 'POST', body });
  expect(answer.status).toBe(401);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(await answer.json()).toMatchObject({ error: 'invalid_client' });
});

test.each(['/connect/%zz-secret', `/connect/${'secret'.repeat(50)}`])(
  'row 18, leaks: an address that is not well formed is not repeated: %s',
  async (path) => {
    const answer = await fetch(vault.origin + path);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([400, 'no-store']);
    expect(await answer.text()).not.toContain('secret');
  },
);

test(
  'row 30, slowloris: a head that trickles in is cut soon after 10 s',
  { timeout: 20_000 },
  async () => {
    const { hostname, port } = new URL(vault.origin);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined).resume();
    socket.write('GET / HTTP/1.1\r\nHost: vault\r\n');
    const trickle = setInterval(() => socket.write('X: a\r\n'), 1_000);
    const startedAt = performance.now();
    await once(socket, 'close');
    clearInterval(trickle);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
  },
);

test('a parameter given twice is invalid_request before anything else', async () => {
  const answer = await fetch(`${vault.origin}/oauth2/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'resource=a&resource=b',
  });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ error: 'invalid_request' });
});

test('a schema that is behind keeps it from being ready, and says what to do', async () => {
  const url = new URL(database.vaultUrl);
  url.pathname = '/postgres';
  const behind = await startVault(configFor(url.href), logger);
  try {
    const answer = await fetch(`${behind.origin}/readyz`);
    expect(answer.status).toBe(503);
    const { checks } = (await answer.json()) as { checks: Record<string, string> };
    expect(checks['schema']).toContain('npm run migrate');
    expect(checks['sealing']).toMatch(/key ring/);
    expect((await fetch(`${behind.origin}/healthz`)).status).toBe(200);
  } finally {
    await behind.stop();
  }
});
