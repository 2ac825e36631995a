import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Outbound } from '#lib/outbound/outbound';
import { type LocalServer, sendJson, startLocalServer } from '#lib/testing/local-server';
import { TestClock } from '#lib/testing/test-clock';
import { oauthClient } from '../registry/domain/oauth-client.js';
import type { Stored } from '../registry/registry-snapshot.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import { RegisterClient } from './register-client.js';
import type { Registration, Registrations, StoredRegistration } from './registration.js';

/** One row in memory, as Postgres keeps it. */
class OneRegistration implements Registrations {
  stored: StoredRegistration | undefined;

  of() {
    return Promise.resolve(this.stored);
  }

  replace(_id: string, before: StoredRegistration | undefined, registration: Registration) {
    if (this.stored?.version !== before?.version) return Promise.resolve(undefined);
    this.stored = { ...registration, version: (before?.version ?? 0) + 1 };
    return Promise.resolve(this.stored);
  }
}

let server: LocalServer;
let outbound: Outbound;
let registrations: OneRegistration;
let clock: TestClock;
let registered: number;
let reads: number;
/** What the answers carry besides a client id; undefined for the reading: it is refused. */
let given: Record<string, unknown>;
let readAgain: Record<string, unknown> | undefined;

beforeEach(async () => {
  [registered, reads, given, readAgain] = [0, 0, {}, undefined];
  server = await startLocalServer((request, response) => {
    if (request.method === 'POST') {
      registered += 1;
      return sendJson(response, 201, { client_id: `client-${registered}`, ...given });
    }
    reads += 1;
    const known = request.headers.authorization === 'Bearer manage' && readAgain;
    return known ? sendJson(response, 200, known) : sendJson(response, 401, {});
  });
  outbound = new Outbound({ mode: 'development', allow: [] });
  registrations = new OneRegistration();
  clock = new TestClock();
});
afterEach(async () => {
  await outbound.close();
  await server.stop();
});

const replica = () =>
  new RegisterClient({
    ...{ outbound, registrations, clock },
    publicUrl: 'https://vault.example.com',
    note: () => Promise.resolve(),
  });

function clientAt(issuer: string): Stored<OAuthClient> {
  const about = { registration: 'dynamic', clientAuth: 'client_secret_basic' };
  const document = oauthClient.parse({ slug: 'up', name: 'Up', issuer, ...about });
  return { id: 'row', version: 1, document };
}

const metadata = () => ({
  issuer: server.origin,
  registration_endpoint: `${server.origin}/register`,
});
const current = (by = replica()) => by.current(clientAt(server.origin), metadata());

const secretUntil = (seconds: number) => ({
  client_secret: 's3cret',
  client_secret_expires_at: Math.floor(clock.now()) + seconds,
});

describe('a registration', () => {
  test('is made once, whoever asks at the same moment', async () => {
    given = { client_secret: 's3cret' };
    const one = replica();
    const all = await Promise.all(Array.from({ length: 10 }, () => current(one)));
    expect(new Set(all.map(({ clientId }) => clientId))).toEqual(new Set(['client-1']));
    expect(registered).toBe(1);
  });

  test('of two replicas at once: the first one stored counts for both', async () => {
    given = { client_secret: 's3cret' };
    const [one, two] = await Promise.all([current(), current()]);
    expect(one.clientId).toBe(two.clientId);
  });

  test('at another authorization server is another one', async () => {
    given = { client_secret: 's3cret' };
    await current();
    const moved = await replica().current(clientAt('https://other.example'), metadata());
    expect(moved).toMatchObject({
      clientId: 'client-2',
      authorizationServer: 'https://other.example',
    });
  });

  test('whose secret has expired is made anew', async () => {
    given = secretUntil(3_600);
    expect((await current()).clientId).toBe('client-1');
    clock.advance(3_500);
    expect((await current()).clientId).toBe('client-1');
    clock.advance(100);
    given = secretUntil(3_600);
    expect((await current()).clientId).toBe('client-2');
  });

  test('that never expires says 0', async () => {
    given = { client_secret: 's3cret', client_secret_expires_at: 0 };
    await current();
    clock.advance(1e8);
    expect((await current()).clientId).toBe('client-1');
  });

  test('keeps its client id, and so every grant, where the server renews the secret (RFC 7592)', async () => {
    const manage = {
      registration_client_uri: `${server.origin}/register/client-1`,
      registration_access_token: 'manage',
    };
    given = { ...secretUntil(3_600), ...manage };
    await current();
    clock.advance(3_600);
    readAgain = { client_id: 'client-1', ...secretUntil(3_600), client_secret: 'renewed' };
    const renewed = await current();
    expect(renewed.clientId).toBe('client-1');
    expect(renewed.clientSecret?.reveal()).toBe('renewed');
    expect([registered, reads]).toEqual([1, 1]);
    // What the answer left out is kept for the next time.
    clock.advance(3_600);
    await current();
    expect(reads).toBe(2);
  });

  test('is made anew where the server only repeats the expired secret', async () => {
    const manage = {
      registration_client_uri: `${server.origin}/register/client-1`,
      registration_access_token: 'manage',
    };
    given = { ...secretUntil(100), ...manage };
    await current();
    readAgain = { client_id: 'client-1', ...given };
    clock.advance(100);
    given = secretUntil(3_600);
    expect((await current()).clientId).toBe('client-2');
  });
});

test('row 34, a secret for one server reaches no other: a registration under way when the client is moved', async () => {
  given = { client_secret: 's3cret' };
  const one = replica();
  const elsewhere = 'https://evil.example';
  const atEvil = { issuer: elsewhere, registration_endpoint: `${server.origin}/evil` };
  const [before, after] = await Promise.allSettled([
    current(one),
    one.current(clientAt(elsewhere), atEvil),
  ]);
  for (const [settled, at] of [
    [before, server.origin],
    [after, elsewhere],
  ] as const)
    if (settled.status === 'fulfilled') expect(settled.value.authorizationServer).toBe(at);
  expect([before, after].map(({ status }) => status)).toContain('fulfilled');
});
