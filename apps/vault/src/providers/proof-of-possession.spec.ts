import { calculateJwkThumbprint, decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { SynchronisedClock } from '#lib/clock/clock';
import { Outbound } from '#lib/outbound/outbound';
import { Secret } from '#lib/secret/secret';
import { RealAuthorizationServer } from '#lib/testing/real-authorization-server';
import { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import { altered } from '#lib/testing/scripted-answer';
import { oauthClient } from '../registry/domain/oauth-client.js';
import { makeDpopKey } from './dpop-key.js';
import { OpenIdProviders } from './openid-providers.js';
import type { AuthorizationStart, Provider } from './provider.js';

const api = 'https://api.example.com/';
const callback = 'https://vault.example.com/callback/up';
let server: RealAuthorizationServer;
let outbound: Outbound;
let wantsNonce = false;

beforeAll(async () => {
  const common = {
    redirect_uris: [callback],
    grant_types: ['authorization_code', 'refresh_token'],
  };
  server = await RealAuthorizationServer.start(() => ({
    clients: [
      { client_id: 'vault', client_secret: 's3cret', ...common },
      { client_id: 'public', token_endpoint_auth_method: 'none', ...common },
      { client_id: 'bound', client_secret: 's3cret', dpop_bound_access_tokens: true, ...common },
    ],
    scopes: ['openid', 'offline_access', 'read'],
    issueRefreshToken: () => true,
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      introspection: { enabled: true },
      pushedAuthorizationRequests: { enabled: true },
      dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => wantsNonce },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'read',
          accessTokenFormat: 'jwt',
          audience: api,
          accessTokenTTL: 300,
        }),
      },
    },
  }));
});
afterAll(() => server.stop());
beforeEach(() => {
  outbound = new Outbound({ mode: 'development', allow: [] });
  wantsNonce = false;
});
afterEach(() => outbound.close());

function providerOf(about: Record<string, unknown> = {}): Provider {
  const registry = { secrets: () => Promise.resolve([new Secret('s3cret')]) };
  const clock = new SynchronisedClock();
  const providers = new OpenIdProviders('https://vault.example.com', outbound, registry, clock);
  const issuer = 'issuer' in about ? undefined : server.issuer;
  const usual = { slug: 'up', name: 'Up', clientId: 'vault', issuer };
  return providers.of({
    id: 'row',
    version: 1,
    document: oauthClient.parse({ ...usual, ...about }),
  });
}

const startOf = (dpopKey: Secret | undefined, resource?: string): AuthorizationStart => ({
  state: 'the-state',
  nonce: 'the-nonce',
  codeVerifier: new Secret('v'.repeat(43)),
  scopes: resource === undefined ? ['openid', 'offline_access'] : ['read'],
  resource,
  dpopKey,
});

async function connected(provider: Provider, start: AuthorizationStart) {
  const url = await provider.authorizationUrl(start);
  if (!(url instanceof URL)) throw new Error(url.detail);
  const result = await provider.redeem(await server.visit(url), start);
  if (!result.ok) throw new Error(result.detail);
  return result.tokens;
}

const thumbprintOf = (key: Secret) => calculateJwkThumbprint(JSON.parse(key.reveal()) as object);
const boundTo = (token: Secret) => (decodeJwt(token.reveal())['cnf'] as { jkt?: string }).jkt;

test.each([false, true])(
  'the whole trip: tokens are bound to the key of the grant, a refresh keeps it (nonces demanded: %s)',
  async (nonces) => {
    wantsNonce = nonces;
    const key = makeDpopKey();
    const provider = providerOf();
    const tokens = await connected(provider, startOf(key, api));
    const { refreshToken = new Secret(''), ...first } = tokens;
    expect(first.tokenType).toBe('DPoP');
    expect(first.dpopKey?.reveal()).toBe(key.reveal());
    expect(boundTo(first.accessToken)).toBe(await thumbprintOf(key));
    const again = await provider.refresh(refreshToken, { resource: api, dpopKey: key });
    if (!again.ok) throw new Error(again.detail);
    expect(again.tokens.tokenType).toBe('DPoP');
    expect(boundTo(again.tokens.accessToken)).toBe(await thumbprintOf(key));
    expect(await provider.revoke(again.tokens.refreshToken ?? refreshToken, 'refresh_token')).toBe(
      'revoked',
    );
  },
);

test('who it is, is asked with a proof', async () => {
  const key = makeDpopKey();
  const provider = providerOf();
  const tokens = await connected(provider, startOf(key));
  server.requests.length = 0;
  expect(await provider.account({ ...tokens, idTokenClaims: undefined })).toEqual({
    subject: 'upstream-alice',
    name: undefined,
  });
  expect(server.requests.at(-1)).toContain('/me');
});

test.each(['auto', 'never'])(
  'row 11, code injection: a code is bound to the key from the first step, pushed or not (%s)',
  async (pushedAuthorization) => {
    const provider = providerOf({ pushedAuthorization });
    const start = startOf(makeDpopKey());
    const url = await provider.authorizationUrl(start);
    if (!(url instanceof URL)) throw new Error(url.detail);
    expect(url.searchParams.has('request_uri')).toBe(pushedAuthorization === 'auto');
    const stolen = { ...start, dpopKey: makeDpopKey() };
    expect(await provider.redeem(await server.visit(url), stolen)).toMatchObject({
      ok: false,
      code: 'invalid_grant',
    });
  },
);

test('a public client’s refresh token is of no use without its key', async () => {
  const provider = providerOf({ clientId: 'public', clientAuth: 'none' });
  const key = makeDpopKey();
  const { refreshToken = new Secret('') } = await connected(provider, startOf(key));
  const other = { dpopKey: makeDpopKey() };
  expect(await provider.refresh(refreshToken, other)).toMatchObject({ ok: false });
});

test('what is switched off is not used, what was bound before stays bound', async () => {
  const key = makeDpopKey();
  const { refreshToken = new Secret('') } = await connected(providerOf(), startOf(key, api));
  const off = providerOf({ dpop: 'never' });
  expect((await connected(off, startOf(makeDpopKey(), api))).tokenType).toBe('Bearer');
  const again = await off.refresh(refreshToken, { resource: api, dpopKey: key });
  expect(again).toMatchObject({ ok: true, tokens: { tokenType: 'DPoP' } });
});

test('always: a grant from before gets its key with its next token', async () => {
  const bearer = await connected(providerOf({ dpop: 'never' }), startOf(undefined, api));
  const { refreshToken = new Secret('') } = bearer;
  const again = await providerOf({ dpop: 'always' }).refresh(refreshToken, { resource: api });
  if (!again.ok) throw new Error(again.detail);
  const { dpopKey = new Secret('{}'), accessToken } = again.tokens;
  expect(boundTo(accessToken)).toBe(await thumbprintOf(dpopKey));
});

test('a server that answers with bearer tokens: taken where it only offers, refused where it must', async () => {
  const plain = await ScriptableAuthorizationServer.start();
  try {
    const offer = { dpop_signing_alg_values_supported: ['ES256'] };
    plain.always('discovery', altered(offer));
    const token = () =>
      plain.families.issue(
        plain.families.start({ subject: 'a', clientId: 'vault', scope: 'read' }),
      );
    const refreshed = (dpop: string) =>
      providerOf({ issuer: plain.issuer, dpop }).refresh(new Secret(token()), {
        dpopKey: makeDpopKey(),
      });
    expect(await refreshed('auto')).toMatchObject({ ok: true, tokens: { tokenType: 'Bearer' } });
    expect(await refreshed('always')).toMatchObject({ ok: false, code: 'misconfigured' });
  } finally {
    await plain.stop();
  }
});

test('a server that does not offer it, although it must, is our mistake', async () => {
  const plain = await ScriptableAuthorizationServer.start();
  try {
    const provider = providerOf({ issuer: plain.issuer, dpop: 'always' });
    expect(await provider.authorizationUrl(startOf(makeDpopKey()))).toMatchObject({
      ok: false,
      code: 'misconfigured',
      detail: 'the server offers no DPoP with ES256',
    });
  } finally {
    await plain.stop();
  }
});
