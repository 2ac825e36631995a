import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SynchronisedClock } from '#lib/clock/clock';
import { Outbound } from '#lib/outbound/outbound';
import { Secret } from '#lib/secret/secret';
import { type LocalServer, sendJson, startLocalServer } from '#lib/testing/local-server';
import { RealAuthorizationServer } from '#lib/testing/real-authorization-server';
import { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import { oauthClient } from '../registry/domain/oauth-client.js';
import type { JsonObject } from '../registry/domain/json.js';
import { makeSigningKey } from './make-signing-key.js';
import { OpenIdProviders } from './openid-providers.js';
import type { AuthorizationStart, Provider } from './provider.js';
import type { KeyOwner, SigningKey, SigningKeys } from './signing-keys.js';

/** Keys in memory, by the server that they are for. */
class KeysInMemory implements SigningKeys {
  readonly #keys = new Map<string, SigningKey[]>();

  async live(owner: KeyOwner): Promise<readonly SigningKey[]> {
    const known = this.#keys.get(owner.authorizationServer);
    if (known) return known;
    await this.rotate(owner);
    return this.live(owner);
  }

  async published(owner: KeyOwner): Promise<readonly JsonObject[]> {
    return (await this.live(owner)).map((key) => key.publicJwk);
  }

  async rotate(owner: KeyOwner): Promise<readonly JsonObject[]> {
    const before = this.#keys.get(owner.authorizationServer) ?? [];
    const fresh = await makeSigningKey(owner.algorithm);
    this.#keys.set(owner.authorizationServer, [fresh, ...before].slice(0, 2));
    return this.published(owner);
  }
}

const redirectUri = 'https://vault.example.com/callback/up';
let outbound: Outbound;
let keys: KeysInMemory;

beforeEach(() => {
  outbound = new Outbound({ mode: 'development', allow: [] });
  keys = new KeysInMemory();
});
afterEach(() => outbound.close());

function providerOf(about: Record<string, unknown>): Provider {
  const registry = { secrets: () => Promise.resolve([new Secret('s3cret')]) };
  const clock = new SynchronisedClock();
  const providers = new OpenIdProviders('https://vault.example.com', outbound, registry, clock, {
    keys,
  });
  const document = oauthClient.parse({ slug: 'up', name: 'Up', clientId: 'vault', ...about });
  return providers.of({ id: 'row', version: 1, document });
}

const start: AuthorizationStart = {
  state: 'the-state',
  nonce: 'the-nonce',
  codeVerifier: new Secret('v'.repeat(43)),
  scopes: ['openid'],
  resource: undefined,
};

async function connected(provider: Provider, server: RealAuthorizationServer) {
  const url = await provider.authorizationUrl(start);
  if (!(url instanceof URL)) throw new Error(url.detail);
  return { url, result: await provider.redeem(await server.visit(url), start) };
}

describe('private_key_jwt', () => {
  let server: ScriptableAuthorizationServer;
  beforeEach(async () => (server = await ScriptableAuthorizationServer.start()));
  afterEach(() => server.stop());

  const sent = (at: ScriptableAuthorizationServer) =>
    at.requests
      .filter(({ endpoint }) => endpoint === 'token')
      .map(({ parameters }) => parameters.get('client_assertion') ?? '');

  test.each(['ES256', 'RS256', 'PS256'])(
    'row 35: an assertion is for this issuer alone and lives 60 s (%s)',
    async (clientAuthSigningAlg) => {
      const provider = providerOf({
        issuer: server.issuer,
        clientAuth: 'private_key_jwt',
        clientAuthSigningAlg,
      });
      await provider.refresh(new Secret('rt'), {});
      const [assertion = ''] = sent(server);
      const { aud, iss, sub, iat = 0, exp = 0, jti } = decodeJwt(assertion);
      expect({ aud, iss, sub }).toEqual({ aud: server.issuer, iss: 'vault', sub: 'vault' });
      expect(exp - iat).toBe(60);
      expect(jti).toBeDefined();
      expect(decodeProtectedHeader(assertion).alg).toBe(clientAuthSigningAlg);
      const [request] = server.requests.filter(({ endpoint }) => endpoint === 'token');
      expect(request?.parameters.has('client_secret')).toBe(false);
      expect(request?.headers.authorization).toBeUndefined();
    },
  );

  test('row 35: with endpoints typed in, the assertion is for that token endpoint', async () => {
    const endpoints = {
      authorization: `${server.issuer}/authorize`,
      token: `${server.issuer}/token`,
    };
    await providerOf({ endpoints, clientAuth: 'private_key_jwt' }).refresh(new Secret('rt'), {});
    expect(decodeJwt(sent(server)[0] ?? '').aud).toBe(`${server.issuer}/token`);
  });

  test('row 35: another authorization server gets another key', async () => {
    const other = await ScriptableAuthorizationServer.start();
    try {
      for (const { issuer } of [server, other])
        await providerOf({ issuer, clientAuth: 'private_key_jwt' }).refresh(new Secret('rt'), {});
      const [one, two] = [server, other].map((at) => decodeProtectedHeader(sent(at)[0] ?? '').kid);
      expect(one).toBeDefined();
      expect(two).not.toBe(one);
    } finally {
      await other.stop();
    }
  });
});

describe('at a real authorization server', () => {
  let jwksServer: LocalServer;
  let server: RealAuthorizationServer;
  let shown: () => Promise<readonly JsonObject[]>;

  beforeAll(async () => {
    jwksServer = await startLocalServer(async (_request, response) =>
      sendJson(response, 200, { keys: await shown() }),
    );
    const client = {
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
    };
    server = await RealAuthorizationServer.start(() => ({
      clients: [
        {
          ...client,
          client_id: 'vault',
          token_endpoint_auth_method: 'private_key_jwt',
          token_endpoint_auth_signing_alg: 'ES256',
          jwks_uri: `${jwksServer.origin}/jwks.json`,
        },
        { ...client, client_id: 'secretive', client_secret: 's3cret' },
      ],
      clientAuthMethods: ['client_secret_basic', 'private_key_jwt'],
      issueRefreshToken: () => true,
      features: {
        devInteractions: { enabled: false },
        pushedAuthorizationRequests: {
          enabled: true,
          requirePushedAuthorizationRequests: true,
          allowUnregisteredRedirectUris: false,
        },
      },
    }));
  });
  beforeEach(() => {
    server.requests.length = 0;
    server.intercept = undefined;
  });
  afterAll(async () => {
    await server.stop();
    await jwksServer.stop();
  });

  const owner = (): KeyOwner => ({
    oauthClientId: 'row',
    authorizationServer: server.issuer,
    algorithm: 'ES256',
  });
  const signing = () => providerOf({ issuer: server.issuer, clientAuth: 'private_key_jwt' });

  test('the whole trip by private_key_jwt and PAR: connect, refresh, and again after a rotation', async () => {
    shown = () => keys.published(owner());
    const provider = signing();
    const { url, result } = await connected(provider, server);
    expect([...url.searchParams.keys()].sort()).toEqual(['client_id', 'request_uri']);
    if (!result.ok) throw new Error(result.detail);
    const refreshed = await provider.refresh(result.tokens.refreshToken as Secret, {});
    if (!refreshed.ok) throw new Error(refreshed.detail);
    const before = await keys.published(owner());
    shown = () => Promise.resolve(before);
    await keys.rotate(owner());
    // The server knows only the key of before: that one signs, until the server has read ours again.
    const again = await provider.refresh(refreshed.tokens.refreshToken as Secret, {});
    expect(again).toMatchObject({ ok: true });
  });

  test('a key that the server has never seen is a broken registration, not the end of a grant', async () => {
    shown = async () => [(await makeSigningKey('ES256')).publicJwk];
    const answer = await signing().refresh(new Secret('any'), {});
    expect(answer).toMatchObject({ ok: false, code: 'misconfigured' });
  });

  test('what the server demands by PAR carries nothing of the request through the browser', async () => {
    const provider = providerOf({ issuer: server.issuer, clientId: 'secretive' });
    const { url, result } = await connected(provider, server);
    expect(url.href).not.toMatch(/the-state|the-nonce|code_challenge|s3cret/);
    expect(result).toMatchObject({ ok: true });
  });

  test('pushedAuthorization never, against a server that demands it, is said before anybody travels', async () => {
    const provider = providerOf({ issuer: server.issuer, pushedAuthorization: 'never' });
    expect(await provider.authorizationUrl(start)).toMatchObject({ code: 'misconfigured' });
  });

  test.each([
    [400, { error: 'invalid_request', error_description: 'canary' }, 'misconfigured'],
    [401, { error: 'invalid_client', error_description: 'canary' }, 'misconfigured'],
    [503, { error: 'canary' }, 'transient'],
    [201, { request_uri: 7, note: 'canary' }, 'transient'],
  ])('a pushed request answered %s is a failure without its words', async (status, body, code) => {
    server.intercept = (request, response) => {
      if (request.url !== '/request') return false;
      sendJson(response, status, body);
      return true;
    };
    const provider = providerOf({ issuer: server.issuer, clientId: 'secretive' });
    const answer = await provider.authorizationUrl(start);
    expect(answer).toMatchObject({ ok: false, code });
    expect(JSON.stringify(answer)).not.toContain('canary');
  });
});

test('pushedAuthorization always needs a server that offers it', async () => {
  const server = await ScriptableAuthorizationServer.start();
  try {
    const provider = providerOf({ issuer: server.issuer, pushedAuthorization: 'always' });
    expect(await provider.authorizationUrl(start)).toMatchObject({
      ok: false,
      code: 'misconfigured',
    });
  } finally {
    await server.stop();
  }
});

test('a resource (RFC 8707) is named at the authorization, the redemption and each refresh', async () => {
  const server = await ScriptableAuthorizationServer.start();
  try {
    const resource = 'https://mcp.example.com/mcp';
    const provider = providerOf({ issuer: server.issuer, resource });
    const url = await provider.authorizationUrl(start);
    if (!(url instanceof URL)) throw new Error(url.detail);
    const answer = await fetch(url, { redirect: 'manual' });
    const result = await provider.redeem(new URL(answer.headers.get('location') ?? ''), start);
    if (!result.ok) throw new Error(result.detail);
    await provider.refresh(result.tokens.refreshToken as Secret, {});
    await provider.refresh(new Secret('other'), { resource: 'https://named.example.com' });
    const named = server.requests
      .filter(({ endpoint }) => endpoint === 'authorize' || endpoint === 'token')
      .map(({ parameters }) => parameters.getAll('resource'));
    expect(named).toEqual([[resource], [resource], [resource], ['https://named.example.com']]);
  } finally {
    await server.stop();
  }
});
