import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '#lib/observability/logger';
import { Outbound } from '#lib/outbound/outbound';
import { Secret } from '#lib/secret/secret';
import { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import { status, tooManyRequests } from '#lib/testing/scripted-answer';
import { TestClock } from '#lib/testing/test-clock';
import { PacedRequests } from '../grants/paced-requests.js';
import { RefreshPolicies } from '../grants/refresh-policies.js';
import type { VaultEvent } from '../log-events.js';
import { OpenIdProviders } from '../providers/openid-providers.js';
import { oauthClient as schema } from '../registry/domain/oauth-client.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { ClientTokens } from './client-tokens.js';

let server: ScriptableAuthorizationServer;
let clock: TestClock;
let tokens: ClientTokens;
let version: number;
let notes: (string | undefined)[];

beforeEach(async () => {
  server = await ScriptableAuthorizationServer.start();
  clock = new TestClock(Math.floor(Date.now() / 1000));
  version = 1;
  const secrets = async () => [new Secret('the-secret')];
  const outbound = new Outbound({ mode: 'development', allow: [] });
  const providers = new OpenIdProviders('https://vault.example', outbound, { secrets }, clock);
  const slot = async () => ({ release: async () => undefined });
  const circuits = {
    isOpen: () => false,
    failed: async () => undefined,
    answered: async () => undefined,
  };
  const registry = { current: () => ({ oauthClientById: () => undefined }) };
  const policies = new RefreshPolicies(registry as unknown as Pick<Registry, 'current'>);
  const slots = { take: slot, takeProbe: slot };
  const requests = new PacedRequests({ providers, slots, circuits, policies });
  notes = [];
  const note = async (_id: string, failure: string | undefined) => void notes.push(failure);
  tokens = new ClientTokens(
    requests,
    clock,
    createLogger<VaultEvent>({ app: 't', level: 'silent' }),
    note,
  );
});
afterEach(() => server.stop());

const issued = (access_token: string, more = {}) =>
  status(200, { access_token, token_type: 'Bearer', expires_in: 1000, ...more });
const asked = () => server.count('token', 'client_credentials');

function get(rejected?: string, scopes: readonly string[] = ['all']) {
  const document = schema.parse({
    slug: 'robots',
    name: 'Robots',
    issuer: server.issuer,
    clientId: 'symbolon',
  });
  return tokens.get({
    oauthClient: { id: 'o1', version, document },
    scopes,
    resource: undefined,
    rejectedSha256:
      rejected === undefined ? undefined : createHash('sha256').update(rejected).digest(),
  });
}

async function value(...wanted: Parameters<typeof get>): Promise<string | number> {
  const result = await get(...wanted);
  return result.ok ? result.tokens.accessToken.reveal() : result.retryAfterSeconds;
}

describe('a token of our own', () => {
  test('is asked for once while it is young, and renewed after three quarters of its life', async () => {
    server.script('token', issued('one'), issued('two'));
    expect([await value(), await value()]).toEqual(['one', 'one']);
    clock.advance(760);
    expect([await value(), await value(), asked()]).toEqual(['two', 'two', 2]);
  });

  test('is asked for once by all who want it at the same time', async () => {
    server.always('token', (response, ordinary) => {
      setTimeout(() => void issued('one')(response, ordinary), 30);
    });
    const all = await Promise.all(Array.from({ length: 6 }, () => value()));
    expect([all, asked()]).toEqual([Array(6).fill('one'), 1]);
  });

  test('is another for other scopes, and for another version of the registration', async () => {
    server.script('token', issued('one'), issued('wide'), issued('after'));
    expect([await value(), await value(undefined, ['wide'])]).toEqual(['one', 'wide']);
    version = 2;
    expect([await value(), asked()]).toEqual(['after', 3]);
  });

  test('is served to its end while the server is away, and then there is none', async () => {
    server.script('token', issued('one'));
    await value();
    server.always('token', status(503));
    clock.advance(800);
    expect(await value()).toBe('one');
    clock.advance(195);
    expect(await value()).toBe('one');
    clock.advance(10);
    expect(await value()).toEqual(expect.any(Number));
  });

  test('one that is refused is replaced, but at most once a minute', async () => {
    server.script('token', issued('one'), issued('two'), issued('three'));
    await value();
    expect([await value('one'), asked()]).toEqual(['one', 1]);
    clock.advance(61);
    expect([await value('one'), asked()]).toEqual(['two', 2]);
    expect([await value('one'), await value('two'), asked()]).toEqual(['two', 'two', 2]);
  });

  test('Retry-After is obeyed: nobody asks before', async () => {
    server.always('token', tooManyRequests(40));
    expect(await value()).toBeGreaterThanOrEqual(40);
    clock.advance(20);
    expect(await value()).toBeGreaterThanOrEqual(20);
    expect(asked()).toBe(1);
    clock.advance(30);
    server.always('token', issued('one'));
    expect([await value(), asked()]).toEqual(['one', 2]);
  });

  test('a registration that is refused is told to its administrator, and that it is good again', async () => {
    server.script('token', status(401, { error: 'invalid_client' }));
    server.always('token', issued('one'));
    await value();
    expect(notes).toEqual([expect.stringContaining('401 invalid_client')]);
    clock.advance(60);
    expect([await value(), notes.at(-1), notes.length]).toEqual(['one', undefined, 2]);
  });

  test('without a lifetime it is taken for five minutes', async () => {
    server.always('token', issued('one', { expires_in: undefined }));
    const result = await get();
    expect(result.ok && result.expiresAt - clock.now()).toBeCloseTo(300, 0);
  });
});
