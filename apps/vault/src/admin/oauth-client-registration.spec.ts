import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type LocalServer, sendJson, startLocalServer } from '#lib/testing/local-server';
import { RealAuthorizationServer } from '#lib/testing/real-authorization-server';
import { AdminFixture, vaultPublicUrl } from './admin-fixture.js';

let vault: AdminFixture;
let mcp: LocalServer;
/** What the MCP server answers, by method and path; anything else is 404. */
let mcpAnswers: Record<
  string,
  (url: string) => { status: number; body?: unknown; challenge?: string }
>;
let real: RealAuthorizationServer;

beforeAll(async () => {
  vault = await AdminFixture.start();
  mcp = await startLocalServer((request, response) => {
    const answer = mcpAnswers[`${request.method} ${request.url}`]?.(mcp.origin);
    if (answer?.challenge) response.setHeader('www-authenticate', answer.challenge);
    sendJson(response, answer?.status ?? 404, answer?.body ?? {});
  });
  real = await RealAuthorizationServer.start(() => ({
    clientAuthMethods: ['client_secret_basic', 'private_key_jwt', 'none'],
    issueRefreshToken: () => true,
    // The vault's public name does not exist here: whoever asks for it is led to the vault.
    fetch: (url: string | URL | Request) => {
      const asked = url instanceof Request ? url.url : String(url);
      return fetch(asked.replace(vaultPublicUrl, vault.origin));
    },
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      registrationManagement: { enabled: true },
      revocation: { enabled: true },
      clientIdMetadataDocument: { enabled: true, ack: 'draft-02' },
    },
  }));
});
beforeEach(() => (mcpAnswers = {}));
afterEach(() => (real.intercept = undefined));
afterAll(async () => {
  await real.stop();
  await mcp.stop();
  await vault.stop();
});

let count = 0;
const freshSlug = () => `client-${(count += 1)}`;
const put = (slug: string, body: object) =>
  vault.ask('PUT', `/admin/v1/oauth-clients/${slug}`, { body: { name: 'One', ...body } });
const get = async (slug: string) =>
  (await vault.ask('GET', `/admin/v1/oauth-clients/${slug}`)).body;

async function tested(slug: string): Promise<Record<string, { status: string; detail: string }>> {
  const { body, text } = await vault.ask('POST', `/admin/v1/oauth-clients/${slug}/test`);
  expect(text).not.toMatch(/client_secret":|registration_access_token/);
  return Object.fromEntries(body.checks.map((line: { check: string }) => [line.check, line]));
}

const resourceAt =
  (path: string, issuers: readonly string[] = [real.issuer]) =>
  (origin: string) => ({
    status: 200,
    body: { resource: `${origin}${path}`, authorization_servers: issuers },
  });
const wellKnown = '/.well-known/oauth-protected-resource';
const found = () => ({ discoverFrom: `${mcp.origin}/mcp` });

describe('the authorization server of an MCP server (RFC 9728)', () => {
  it('is where the challenge points, before any well-known address', async () => {
    mcpAnswers = {
      'POST /mcp': (origin) => ({
        status: 401,
        challenge: `Bearer scope="a", resource_metadata="${origin}/here"`,
      }),
      'GET /here': resourceAt('/mcp'),
      [`GET ${wellKnown}/mcp`]: resourceAt('/mcp', ['http://127.0.0.1:9']),
    };
    const slug = freshSlug();
    expect((await put(slug, { ...found(), clientId: 'x' })).status).toBe(201);
    const resource = `${mcp.origin}/mcp`;
    expect(await get(slug)).toMatchObject({ issuer: real.issuer, resource, ...found() });
  });

  it.each([
    ['with the path inserted', `${wellKnown}/mcp`, '/mcp'],
    ['at the root', wellKnown, ''],
  ])('else stands %s', async (_where, address, resource) => {
    mcpAnswers = { [`GET ${address}`]: resourceAt(resource) };
    const slug = freshSlug();
    expect((await put(slug, found())).status).toBe(201);
    expect(await get(slug)).toMatchObject({
      issuer: real.issuer,
      resource: `${mcp.origin}${resource}`,
    });
  });

  it.each([
    ['another path', () => resourceAt('/other')(mcp.origin)],
    ['another host', () => resourceAt('')('https://other.example')],
    ['a slash more', () => resourceAt('/mcp/')(mcp.origin)],
  ])('metadata that is about %s is refused', async (_what, answer) => {
    mcpAnswers = { [`GET ${wellKnown}/mcp`]: answer };
    const { status, body } = await put(freshSlug(), found());
    expect(status).toBe(422);
    expect(body.errors).toMatchObject([{ pointer: '/discoverFrom', code: 'discovery-invalid' }]);
  });

  it('is chosen by the administrator where there are several', async () => {
    const others = [real.issuer, 'https://other.example'];
    mcpAnswers = { [`GET ${wellKnown}/mcp`]: resourceAt('/mcp', others) };
    const slug = freshSlug();
    const { body } = await put(slug, found());
    expect(body.errors).toMatchObject([{ pointer: '/issuer', code: 'ambiguous' }]);
    expect(body.errors[0].detail).toContain('https://other.example');
    const stranger = await put(slug, { ...found(), issuer: 'http://127.0.0.1:9' });
    expect(stranger.body.errors).toMatchObject([{ code: 'authorization-server-moved' }]);
    expect((await put(slug, { ...found(), issuer: real.issuer })).status).toBe(201);
  });

  it('row 34: metadata that moves is not followed; who follows it knowingly suspends the grants', async () => {
    mcpAnswers = { [`GET ${wellKnown}/mcp`]: resourceAt('/mcp') };
    const slug = freshSlug();
    const static_ = { ...found(), clientId: 'x', clientSecret: 'canary' };
    expect((await put(slug, static_)).status).toBe(201);
    const unchanged = await put(slug, { ...found(), clientId: 'x' });
    expect(unchanged.body).toMatchObject({ version: 1, issuer: real.issuer });
    const elsewhere = 'http://127.0.0.1:9';
    mcpAnswers = { [`GET ${wellKnown}/mcp`]: resourceAt('/mcp', [elsewhere]) };
    const moved = await put(slug, { ...found(), clientId: 'x' });
    expect(moved.body.errors).toMatchObject([{ code: 'authorization-server-moved' }]);
    expect((await tested(slug))['resource-metadata']).toMatchObject({ status: 'fail' });
    const bare = await put(slug, { ...found(), clientId: 'x', issuer: elsewhere });
    expect(bare.body.errors).toMatchObject([{ code: 'secret-required' }]);
    const before = vault.suspended.length;
    const followed = await put(slug, { ...static_, issuer: elsewhere });
    expect(followed.status).toBe(200);
    expect(vault.suspended).toHaveLength(before + 1);
  });

  it('a server that is away keeps what was chosen, and gives nothing to choose from', async () => {
    mcpAnswers = { [`GET ${wellKnown}/mcp`]: resourceAt('/mcp') };
    const slug = freshSlug();
    await put(slug, found());
    mcpAnswers = { [`GET ${wellKnown}/mcp`]: () => ({ status: 503 }) };
    expect((await put(slug, { ...found(), name: 'Two' })).body.issuer).toBe(real.issuer);
    const { body } = await put(freshSlug(), found());
    expect(body.errors).toMatchObject([{ pointer: '/discoverFrom', code: 'discovery-failed' }]);
  });

  it('is its own origin only where the revision that says so is named', async () => {
    const slug = freshSlug();
    const refused = await put(slug, found());
    expect(refused.body.errors).toMatchObject([{ code: 'discovery-invalid' }]);
    await put(slug, { ...found(), discoverFallback: '2025-03-26' });
    const { origin } = mcp;
    expect((await get(slug)).endpoints).toEqual({
      authorization: `${origin}/authorize`,
      token: `${origin}/token`,
      registration: `${origin}/register`,
    });
  });

  it.each([
    ['/.well-known/oauth-authorization-server/tenant'],
    ['/.well-known/openid-configuration/tenant'],
    ['/tenant/.well-known/openid-configuration'],
  ])('describes itself at %s', async (address) => {
    const issuer = `${mcp.origin}/tenant`;
    mcpAnswers = {
      [`GET ${wellKnown}/mcp`]: resourceAt('/mcp', [issuer]),
      [`GET ${address}`]: () => ({
        status: 200,
        body: {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          token_endpoint_auth_methods_supported: ['none'],
          registration_endpoint: `${issuer}/register`,
        },
      }),
      'POST /tenant/token': () => ({ status: 400, body: { error: 'invalid_grant' } }),
    };
    const slug = freshSlug();
    await put(slug, { ...found(), registration: 'dynamic' });
    expect(await get(slug)).toMatchObject({ issuer, clientAuth: 'none', status: 'draft' });
    mcpAnswers['POST /tenant/register'] = () => ({ status: 201, body: { client_id: 'made' } });
    expect(await tested(slug)).toMatchObject({
      registration: { status: 'pass' },
      'client-authentication': { status: 'pass' },
    });
    expect((await get(slug)).registered.clientId).toBe('made');
  });
});

describe('registration dynamic (RFC 7591), at a real provider', () => {
  it.each(['client_secret_basic', 'private_key_jwt', 'none'])(
    'registers, and authenticates by %s',
    async (clientAuth) => {
      const slug = freshSlug();
      const issuer = real.issuer;
      await put(slug, { issuer, registration: 'dynamic', clientAuth, scopes: ['openid'] });
      expect(await get(slug)).toMatchObject({ status: 'draft', missing: ['registered'] });
      const checks = await tested(slug);
      expect(checks).toMatchObject({
        registration: { status: 'pass' },
        'client-authentication': { status: 'pass' },
        'redirect-uri': { status: 'pass' },
      });
      const shown = await get(slug);
      expect(shown).toMatchObject({ status: 'ready', missing: [], clientAuth });
      const { clientId } = shown.registered;
      expect(shown.clientId).toBeUndefined();
      // Once is enough; and what an answer shows may be sent back.
      await tested(slug);
      expect((await put(slug, shown)).body.version).toBe(shown.version);
      expect((await get(slug)).registered.clientId).toBe(clientId);
      const rows = await vault.database.query(
        `SELECT actor->>'kind' AS kind, request_id IS NOT NULL AS asked, detail->>'clientId' AS "clientId"
           FROM audit_event WHERE action = 'oauth_client.registered' AND target->>'slug' = $1`,
        [slug],
      );
      expect(rows).toEqual([{ kind: 'vault', asked: true, clientId }]);
    },
  );

  it('chooses the strongest that the server takes where nothing is said', async () => {
    const slug = freshSlug();
    await put(slug, { issuer: real.issuer, registration: 'dynamic' });
    expect(await get(slug)).toMatchObject({ clientAuth: 'private_key_jwt' });
  });

  it('row 37: what the server gave is sealed', async () => {
    const slug = freshSlug();
    await put(slug, {
      issuer: real.issuer,
      registration: 'dynamic',
      clientAuth: 'client_secret_basic',
    });
    let given = '';
    real.intercept = (request, response) => {
      if (request.url === '/reg' && request.method === 'POST') {
        given = 'canary-secret-of-registration';
        sendJson(response, 201, {
          client_id: 'c',
          client_secret: given,
          registration_access_token: `${given}-token`,
          registration_client_uri: `${real.issuer}/reg/c`,
        });
      }
      return request.url === '/reg';
    };
    await tested(slug);
    const rows = await vault.database.query<{ text: string }>(
      `SELECT row_to_json(r)::text || encode(client_secret, 'escape') || encode(registration_access_token, 'escape') AS text
         FROM oauth_client_registration r WHERE client_id = 'c'`,
    );
    expect(rows).toHaveLength(1);
    expect(given).not.toBe('');
    expect(rows[0]?.text).not.toContain('canary');
    expect(JSON.stringify(await get(slug)) + vault.logged.join('')).not.toContain('canary-secret');
  });

  it.each([
    [401, { error: 'invalid_token' }, /401 invalid_token.*Register by hand/],
    [400, { error: 'invalid_redirect_uri', error_description: 'canary' }, /redirect URI/],
    [400, { error: '<b>canary' }, /answered 400\.$/],
    [201, { client_id: '' }, /unusable/],
  ])('a refusal (%s) makes it failing, in our words', async (status, answer, words) => {
    const slug = freshSlug();
    await put(slug, { issuer: real.issuer, registration: 'dynamic' });
    real.intercept = (request, response) => {
      if (request.url !== '/reg') return false;
      sendJson(response, status, answer);
      return true;
    };
    const { registration } = await tested(slug);
    expect(registration).toMatchObject({ status: 'fail' });
    const shown = await get(slug);
    expect(shown).toMatchObject({ status: 'failing', failure: expect.stringMatching(words) });
    expect(JSON.stringify(shown)).not.toContain('canary');
  });

  it('needs a server that offers it, and an authentication that the server takes', async () => {
    const without = { authorization: 'http://127.0.0.1:9/a', token: 'http://127.0.0.1:9/t' };
    const { body } = await put(freshSlug(), { endpoints: without, registration: 'dynamic' });
    expect(body.errors).toMatchObject([{ pointer: '/registration', code: 'not-offered' }]);
    const post = await put(freshSlug(), {
      issuer: real.issuer,
      registration: 'dynamic',
      clientAuth: 'client_secret_post',
    });
    expect(post.body.errors).toMatchObject([{ pointer: '/clientAuth', code: 'not-offered' }]);
    const id = await put(freshSlug(), {
      issuer: real.issuer,
      registration: 'dynamic',
      clientId: 'x',
    });
    expect(id.body.errors).toMatchObject([{ pointer: '/clientId' }]);
  });

  it('registers anew when told to, and suspends what was granted to the client of before', async () => {
    const slug = freshSlug();
    await put(slug, { issuer: real.issuer, registration: 'dynamic' });
    await tested(slug);
    const { clientId } = (await get(slug)).registered;
    const before = vault.suspended.length;
    const { status, body } = await vault.ask('POST', `/admin/v1/oauth-clients/${slug}/register`);
    expect(status).toBe(200);
    expect(body.clientId).not.toBe(clientId);
    expect(vault.suspended).toHaveLength(before + 1);
    expect((await get(slug)).registered.clientId).toBe(body.clientId);
  });
});

describe('registration metadata-document, at a real provider', () => {
  it.each(['private_key_jwt', 'none'])(
    'the provider reads our document and takes us (%s)',
    async (clientAuth) => {
      const slug = freshSlug();
      await put(slug, {
        issuer: real.issuer,
        registration: 'metadata-document',
        clientAuth,
        scopes: ['openid'],
      });
      const shown = await get(slug);
      const clientId = `${vaultPublicUrl}/oauth-clients/${slug}/client.json`;
      expect(shown).toMatchObject({ status: 'ready', missing: [], registered: { clientId } });
      expect(await tested(slug)).toMatchObject({
        registration: { status: 'pass' },
        'client-authentication': { status: 'pass' },
        'redirect-uri': { status: 'pass' },
      });
    },
  );

  it('is public, cacheable, and says exactly what we are', async () => {
    const slug = freshSlug();
    await put(slug, { issuer: real.issuer, registration: 'metadata-document', scopes: ['openid'] });
    const address = `/oauth-clients/${slug}/client.json`;
    const { headers, body } = await vault.ask('GET', address, { token: null });
    expect(headers.get('cache-control')).toBe('public, max-age=300');
    expect(body).toEqual({
      client_id: `${vaultPublicUrl}${address}`,
      client_name: 'One',
      client_uri: vaultPublicUrl,
      application_type: 'web',
      redirect_uris: [`${vaultPublicUrl}/callback/${slug}`],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      scope: 'openid',
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks_uri: `${vaultPublicUrl}/oauth-clients/${slug}/jwks.json`,
    });
  });

  it('needs a server that says it reads such documents, and never a secret', async () => {
    const issuer = vault.issuer.issuer;
    const { body } = await put(freshSlug(), { issuer, registration: 'metadata-document' });
    expect(body.errors).toMatchObject([{ pointer: '/registration', code: 'not-offered' }]);
    const secretive = await put(freshSlug(), {
      issuer: real.issuer,
      registration: 'metadata-document',
      clientAuth: 'client_secret_basic',
    });
    expect(secretive.body.errors).toMatchObject([{ pointer: '/clientAuth' }]);
    expect(
      (await vault.ask('GET', '/oauth-clients/none/client.json', { token: null })).status,
    ).toBe(404);
  });
});
