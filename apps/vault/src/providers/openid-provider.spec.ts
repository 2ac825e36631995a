import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SynchronisedClock } from '#lib/clock/clock';
import { Outbound } from '#lib/outbound/outbound';
import { Secret } from '#lib/secret/secret';
import { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import {
  altered,
  garbage,
  gzipBomb,
  html,
  slow,
  slowDrip,
  status,
} from '#lib/testing/scripted-answer';
import { oauthClient, type OAuthClient } from '../registry/domain/oauth-client.js';
import { OpenIdProviders } from './openid-providers.js';
import type { AuthorizationStart, Provider } from './provider.js';

let server: ScriptableAuthorizationServer;
let outbound: Outbound;
let secrets: string[];

beforeEach(async () => {
  server = await ScriptableAuthorizationServer.start();
  outbound = new Outbound({ mode: 'development', allow: [] });
  secrets = ['s3cret'];
});
afterEach(async () => {
  await outbound.close();
  await server.stop();
});

function clientOf(about: Record<string, unknown> = {}): OAuthClient {
  const issuer = 'endpoints' in about ? undefined : server.issuer;
  return oauthClient.parse({ slug: 'snowid', name: 'Snow', issuer, clientId: 'vault', ...about });
}

function providerOf(about: Record<string, unknown> = {}): Provider {
  const registry = {
    secrets: () => Promise.resolve(secrets.map((secret) => new Secret(secret))),
  };
  const clock = new SynchronisedClock();
  const providers = new OpenIdProviders('https://vault.example.com', outbound, registry, clock);
  return providers.of({ id: 'row', version: 1, document: clientOf(about) });
}

const start: AuthorizationStart = {
  state: 'the-state',
  nonce: 'the-nonce',
  codeVerifier: new Secret('v'.repeat(43)),
  scopes: ['openid', 'read'],
  resource: undefined,
};

/** Goes to the authorization endpoint as a browser does and returns the address it was sent back to. */
async function consentedAt(provider: Provider, begun = start): Promise<URL> {
  const url = await provider.authorizationUrl(begun);
  if (!(url instanceof URL)) throw new Error(url.detail);
  const answer = await fetch(url, { redirect: 'manual' });
  return new URL(answer.headers.get('location') ?? '');
}

const tokenCalls = () => server.count('token');

describe('the trip to the provider', () => {
  test('carries PKCE S256, state, nonce, our own redirect URI and what the admin adds', async () => {
    const provider = providerOf({ authorizeParams: { prompt: 'consent' } });
    const url = await provider.authorizationUrl({ ...start, resource: 'https://api.example.com' });
    if (!(url instanceof URL)) throw new Error(url.detail);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: 'vault',
      redirect_uri: 'https://vault.example.com/callback/snowid',
      response_type: 'code',
      scope: 'openid read',
      state: 'the-state',
      nonce: 'the-nonce',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
      prompt: 'consent',
      resource: 'https://api.example.com',
    });
  });

  test('ends in tokens, with the claims and the account of the person', async () => {
    server.claims.set('upstream-alice', { preferred_username: 'alice@upstream' });
    const provider = providerOf();
    const result = await provider.redeem(await consentedAt(provider), start);
    if (!result.ok) throw new Error(result.detail);
    const { tokens } = result;
    expect(tokens).toMatchObject({ tokenType: 'Bearer', scopes: ['openid', 'read'] });
    expect((tokens.expiresAt ?? 0) - tokens.issuedAt).toBe(120);
    expect(tokens.refreshToken).toBeDefined();
    expect(await provider.account(tokens)).toEqual({
      subject: 'upstream-alice',
      name: 'alice@upstream',
    });
  });

  test('works with endpoints typed in, without ID token', async () => {
    const endpoints = {
      authorization: `${server.issuer}/authorize`,
      token: `${server.issuer}/token`,
      userinfo: `${server.issuer}/userinfo`,
    };
    const provider = providerOf({ endpoints });
    const result = await provider.redeem(await consentedAt(provider), start);
    if (!result.ok) throw new Error(result.detail);
    expect(result.tokens.idTokenClaims).toBeUndefined();
    expect(await provider.account(result.tokens)).toMatchObject({ subject: 'upstream-alice' });
    expect(server.count('discovery')).toBe(0);
  });

  test('an authorization endpoint that is no web address is not sent to a browser', async () => {
    server.always('discovery', altered({ authorization_endpoint: 'javascript:alert(1)' }));
    const result = await providerOf().authorizationUrl(start);
    expect(result).toMatchObject({ ok: false, code: 'misconfigured' });
  });
});

describe('row 9, mix-up, and row 11, code injection: no token call for an answer that is not ours', () => {
  test.each([
    ['a foreign state', (url: URL) => url.searchParams.set('state', 'other')],
    ['no state', (url: URL) => url.searchParams.delete('state')],
    ['state twice', (url: URL) => url.searchParams.append('state', 'the-state')],
    ['another iss', (url: URL) => url.searchParams.set('iss', 'https://evil.example.com')],
    ['iss with a slash more', (url: URL) => url.searchParams.set('iss', `${server.issuer}/`)],
    ['a missing iss that was advertised', (url: URL) => url.searchParams.delete('iss')],
    ['code twice', (url: URL) => url.searchParams.append('code', 'x')],
    ['no code', (url: URL) => url.searchParams.delete('code')],
    ['an error with the code', (url: URL) => url.searchParams.set('error', 'access_denied')],
  ])('%s', async (_name, change) => {
    const provider = providerOf();
    const callback = await consentedAt(provider);
    change(callback);
    expect(await provider.redeem(callback, start)).toMatchObject({
      ok: false,
      code: 'invalid_grant',
    });
    expect(tokenCalls()).toBe(0);
  });

  test('row 11: a foreign code fails at its verifier', async () => {
    const provider = providerOf();
    const callback = await consentedAt(provider);
    const other = { ...start, codeVerifier: new Secret('w'.repeat(43)) };
    expect(await provider.redeem(callback, other)).toMatchObject({ code: 'invalid_grant' });
  });

  test('an ID token with another nonce is refused', async () => {
    const provider = providerOf();
    const callback = await consentedAt(provider);
    const result = await provider.redeem(callback, { ...start, nonce: 'another' });
    expect(result).toMatchObject({ ok: false, code: 'invalid_grant' });
  });

  test('row 16, host poisoning: the redirect URI is ours whatever address the browser came to', async () => {
    const provider = providerOf();
    const callback = await consentedAt(provider);
    callback.host = 'evil.example.com';
    expect((await provider.redeem(callback, start)).ok).toBe(true);
  });

  test('an error of the authorization endpoint is told apart, and its text goes nowhere', async () => {
    const provider = providerOf();
    server.authorizationError = 'server_error';
    expect(await provider.redeem(await consentedAt(provider), start)).toMatchObject({
      code: 'transient',
    });
    server.authorizationError = '<script>alert(1)</script>';
    const result = await provider.redeem(await consentedAt(provider), start);
    expect(JSON.stringify(result)).not.toContain('script');
  });
});

describe('two live secrets', () => {
  const refuse = status(401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic' });
  const basic = () =>
    server.requests
      .filter(({ endpoint }) => endpoint === 'token')
      .map(({ headers }) => atob((headers.authorization ?? '').slice(6)).split(':')[1]);

  async function refreshed(provider: Provider) {
    const family = server.families.start({ subject: 'a', clientId: 'vault', scope: 'read' });
    return provider.refresh(new Secret(server.families.issue(family)), {});
  }

  test('the newest is tried first; on invalid_client the other; and the one that was taken is remembered', async () => {
    secrets = ['new', 'old'];
    const provider = providerOf();
    server.script('token', refuse);
    expect((await refreshed(provider)).ok).toBe(true);
    expect((await refreshed(provider)).ok).toBe(true);
    expect(basic()).toEqual(['new', 'old', 'old']);
  });

  test('both refused: our registration is wrong', async () => {
    secrets = ['new', 'old'];
    server.always('token', refuse);
    expect(await refreshed(providerOf())).toMatchObject({ code: 'misconfigured' });
    expect(tokenCalls()).toBe(2);
  });

  test('no other error makes it try again: a refresh token is used once', async () => {
    secrets = ['new', 'old'];
    server.always('token', status(400, { error: 'invalid_grant' }));
    expect(await refreshed(providerOf())).toMatchObject({ code: 'invalid_grant' });
    expect(tokenCalls()).toBe(1);
  });

  test('client_secret_post and none authenticate as they say', async () => {
    await refreshed(providerOf({ clientAuth: 'client_secret_post' }));
    await refreshed(providerOf({ clientAuth: 'none' }));
    const sent = server.requests.filter(({ endpoint }) => endpoint === 'token');
    expect(sent.map(({ parameters }) => parameters.get('client_secret'))).toEqual(['s3cret', null]);
    expect(sent.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  test('a draft and a client whose secret is not set yet are misconfigured, without a call', async () => {
    expect(await refreshed(providerOf({ clientId: undefined }))).toMatchObject({
      code: 'misconfigured',
    });
    secrets = [];
    expect(await refreshed(providerOf())).toMatchObject({ code: 'misconfigured' });
    expect(tokenCalls()).toBe(0);
  });
});

describe('what a refresh tells of the provider', () => {
  async function refreshed(provider = providerOf()) {
    const about = { subject: 'a', clientId: 'vault', scope: 'openid read' };
    const token = server.families.issue(server.families.start(about));
    return provider.refresh(new Secret(token), {});
  }

  test.each([
    ['HTML', html],
    ['garbage', garbage],
    ['a gzip bomb', gzipBomb],
    ['500', status(500)],
  ])('row 36 and 39: %s is transient', async (_name, answer) => {
    server.always('token', answer);
    expect(await refreshed()).toMatchObject({ ok: false, code: 'transient' });
  });

  test('a bad ID token beside the rotated refresh token does not lose it', async () => {
    server.script('token', altered({ id_token: 'not.a.token' }));
    expect((await refreshed()).ok).toBe(true);
  });

  test('metadata that cannot be had, or is another issuer’s, ends nothing', async () => {
    server.always('discovery', status(503));
    expect(await refreshed()).toMatchObject({ code: 'transient' });
    server.always('discovery', altered({ issuer: 'https://evil.example.com' }));
    expect(await refreshed()).toMatchObject({ code: 'transient' });
    expect(tokenCalls()).toBe(0);
  });

  test('a slow drip ends at the deadline', async () => {
    const provider = providerOf();
    expect((await refreshed(provider)).ok).toBe(true);
    server.always('token', slowDrip);
    const began = performance.now();
    expect(await refreshed(provider)).toMatchObject({ code: 'transient' });
    expect(performance.now() - began).toBeLessThan(12_000);
  });

  test('a server that is away is transient, an address we may not call is our own mistake', async () => {
    const gone = providerOf({ issuer: 'http://127.0.0.1:1' });
    expect(await refreshed(gone)).toMatchObject({ code: 'transient' });
    const metadata = providerOf({ issuer: 'http://169.254.169.254' });
    expect(await refreshed(metadata)).toMatchObject({ code: 'misconfigured' });
  });

  test('100 at once read the metadata once', async () => {
    const provider = providerOf();
    const results = await Promise.all(Array.from({ length: 100 }, () => refreshed(provider)));
    expect(results.every(({ ok }) => ok)).toBe(true);
    expect(server.count('discovery')).toBe(1);
  });
});

// Whoever refreshes has taken a slot before: due-scan.spec.ts.
test('100 at once that are no refreshes are at most ten at a time', async () => {
  let now = 0;
  let most = 0;
  server.always('revoke', async (response, ordinary) => {
    now += 1;
    most = Math.max(most, now);
    await sleep(20);
    // Before the answer, which lets the next one begin.
    now -= 1;
    await slow(0)(response, ordinary);
  });
  const provider = providerOf();
  const revoke = () => provider.revoke(new Secret('rt'), 'refresh_token');
  const results = await Promise.all(Array.from({ length: 100 }, revoke));
  expect(new Set(results)).toEqual(new Set(['revoked']));
  expect(most).toBeLessThanOrEqual(10);
});

test('revocation (RFC 7009) says what came of it', async () => {
  const provider = providerOf();
  const token = new Secret('rt');
  expect(await provider.revoke(token, 'refresh_token')).toBe('revoked');
  server.script('revoke', status(503), status(400, { error: 'unsupported_token_type' }));
  expect(await provider.revoke(token, 'refresh_token')).toBe('failed');
  expect(await provider.revoke(token, 'refresh_token')).toBe('failed');
  server.always('discovery', altered({ revocation_endpoint: undefined }));
  expect(await providerOf().revoke(token, 'refresh_token')).toBe('not-supported');
});
