import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { heading } from '../connect/connect-fixture.js';
import { clientRedirect, SignInFixture } from './sign-in-fixture.js';

let fixture: SignInFixture;

beforeAll(async () => {
  fixture = await SignInFixture.start({
    access: {
      scopes: ['reports:read'],
      claims: { '/realm_access/roles': { includes: 'engineer' }, sub: { equals: 'anna' } },
    },
  });
  fixture.vault.corporate.claims.set('anna', {
    realm_access: { roles: ['engineer', 'boss'], more: 1 },
    email: 'anna@example.com',
  });
});
afterAll(() => fixture.stop());

const metadataOf = async (path: string) =>
  (await (await fixture.vault.fetch(path)).json()) as Record<string, unknown>;

describe('sign-in', () => {
  test('leads through corporate login, our question and the provider, and ends in tokens', async () => {
    const clientId = await fixture.register();
    const { browser, page } = await fixture.ask('anna', clientId, {
      scope: 'openid reports:read admin',
    });
    expect(heading(page)).toBe('Let an app that calls itself “Notebook” use Snowdemo as you?');
    expect(page.body).toContain('a program on this computer');
    expect(page.body).toContain('Allow and continue to');
    const { url } = await browser.submit(page, '/sign-in/', { decision: 'allow' });
    expect(`${url.origin}${url.pathname}`).toBe(clientRedirect);
    const back = Object.fromEntries(url.searchParams);
    expect(back).toMatchObject({ state: 'the-state', iss: fixture.vault.origin });
    const answer = await fixture.redeem(clientId, back['code'] ?? '');
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const { access_token: token, ...rest } = (await answer.json()) as { access_token: string };
    expect(rest).toMatchObject({ token_type: 'Bearer', scope: 'reports:read', expires_in: 600 });
    const keys = (await metadataOf('/oauth2/jwks')) as unknown as JSONWebKeySet;
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys), {
      issuer: fixture.vault.origin,
      audience: fixture.resource,
      typ: 'at+jwt',
    });
    expect(payload).toMatchObject({
      ...{ sub: 'anna', client_id: clientId, scope: 'reports:read', corporate_issuer: 'corporate' },
      realm_access: { roles: ['engineer', 'boss'] },
    });
    // Of the ID token what the rules of this upstream ask about, and nothing else.
    expect([payload['email'], Object.keys(payload['realm_access'] as object)]).toEqual([
      undefined,
      ['roles'],
    ]);
    expect((await fixture.exchange(token)).status).toBe(200);
  });

  test('of somebody whose claims the rules refuse is refused where they are used', async () => {
    const { access_token: token } = await fixture.signIn('bert', await fixture.register());
    expect(((await (await fixture.exchange(token)).json()) as { error: string }).error).toBe(
      'access_denied',
    );
  });

  test('again needs no trip to the provider, but the question', async () => {
    const clientId = await fixture.register();
    await fixture.signIn('anna', clientId);
    const before = fixture.vault.redemptions;
    const { page } = await fixture.ask('anna', clientId);
    expect(page.body).toContain('value="allow"');
    expect(page.body).not.toContain('Allow and continue to');
    await fixture.signIn('anna', clientId);
    expect(fixture.vault.redemptions).toBe(before);
  });

  test('that the provider refuses can be tried again, and still comes to its end', async () => {
    const clientId = await fixture.register();
    const browser = fixture.browser('carla');
    const page = await browser.get(fixture.authorizeUrl(clientId));
    const declined = await browser.submit(page, '/sign-in/', { decision: 'decline' });
    expect(declined.url.searchParams.get('error')).toBe('access_denied');
    const again = await fixture.allow('carla', clientId);
    expect(again.searchParams.get('code')).not.toBeNull();
  });

  test('lasts no longer than the corporate session that it came of', async () => {
    const clientId = await fixture.register();
    const tokens = await fixture.signIn('anna', clientId);
    await fixture.vault.database.query(
      `UPDATE client_session SET expires_at = now() + interval '100 seconds' WHERE client_id = $1`,
      [clientId],
    );
    const answer = await fixture.refresh(clientId, tokens.refresh_token);
    const renewed = (await answer.json()) as { access_token: string; expires_in: number };
    expect(renewed.expires_in).toBeLessThanOrEqual(100);
    expect(decodeJwt(renewed.access_token)['sid']).toBe(decodeJwt(tokens.access_token)['sid']);
  });

  test('with a session that is nearly over begins with a new one', async () => {
    const clientId = await fixture.register();
    const browser = fixture.browser('dora');
    await browser.get(`${fixture.vault.origin}/connections`);
    await fixture.vault.database.query(
      `UPDATE web_session SET expires_at = now() + interval '1 hour' WHERE subject = 'dora'`,
    );
    const page = await browser.get(fixture.authorizeUrl(clientId));
    expect(page.body).toContain('value="allow"');
    const [row] = await fixture.vault.rows(
      `SELECT max(expires_at) > now() + interval '7 hours' AS fresh FROM web_session WHERE subject = 'dora'`,
    );
    expect(row?.['fresh']).toBe(true);
  });
});

describe('what clients find', () => {
  test.each(['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'])(
    '%s',
    async (path) => {
      const { origin } = fixture.vault;
      expect(await metadataOf(path)).toMatchObject({
        issuer: origin,
        authorization_endpoint: `${origin}/oauth2/authorize`,
        token_endpoint: `${origin}/oauth2/token`,
        registration_endpoint: `${origin}/oauth2/register`,
        jwks_uri: `${origin}/oauth2/jwks`,
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
        client_id_metadata_document_supported: true,
      });
    },
  );

  test('in a browser too: any origin may ask, and no cookie counts', async () => {
    for (const path of [
      '/.well-known/oauth-authorization-server',
      '/oauth2/token',
      '/oauth2/register',
    ]) {
      const answer = await fixture.vault.fetch(path, { method: 'OPTIONS' });
      expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([
        204,
        '*',
      ]);
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    }
  });
});

describe('registration', () => {
  test('answers what was registered, and no secret', async () => {
    const asked = { client_name: 'Claude Code', redirect_uris: [clientRedirect, 'cursor://cb'] };
    const answer = await fixture.post('/oauth2/register', {
      ...asked,
      logo_uri: 'https://x.example',
    });
    expect(answer.status).toBe(201);
    const body = (await answer.json()) as Record<string, unknown>;
    expect(body).toMatchObject({ ...asked, token_endpoint_auth_method: 'none' });
    expect(body['client_id']).toMatch(/^self-registered:claude-code:[\w-]{22}$/);
    expect(Object.keys(body).filter((name) => name.includes('secret'))).toEqual([]);
  });

  test.each([
    ['nothing', null],
    ['a list', []],
    ['no address', { redirect_uris: [] }],
    [
      'eleven addresses',
      { redirect_uris: Array.from({ length: 11 }, (_, i) => `https://a.example/${i}`) },
    ],
    ['another grant type only', { redirect_uris: [clientRedirect], grant_types: ['password'] }],
    ['another response type only', { redirect_uris: [clientRedirect], response_types: ['token'] }],
  ])('%s is 400', async (_name, body) => {
    const answer = await fixture.post('/oauth2/register', body as unknown as object);
    expect(answer.status).toBe(400);
  });

  test('that nobody uses is forgotten after a day, one in use is not', async () => {
    const [unused, used] = [await fixture.register(), await fixture.register()];
    await fixture.signIn('anna', used);
    await fixture.vault.database.query(
      `UPDATE registered_client SET expires_at = expires_at - interval '25 hours' WHERE client_id = ANY ($1)`,
      [[unused, used]],
    );
    expect((await fixture.ask('anna', unused)).page.status).toBe(400);
    expect((await fixture.ask('anna', used)).page.status).toBe(200);
  });
});

describe('a client whose id is the address of its document', () => {
  let server: Server;
  let origin: string;
  const seen: string[] = [];
  const documents: Record<string, (origin: string) => unknown> = {
    '/client.json': (at) => ({
      client_id: `${at}/client.json`,
      client_name: 'Published',
      redirect_uris: [clientRedirect],
    }),
    '/other.json': (at) => ({ client_id: `${at}/client.json`, redirect_uris: [clientRedirect] }),
    '/secret.json': (at) => ({
      client_id: `${at}/secret.json`,
      redirect_uris: [clientRedirect],
      token_endpoint_auth_method: 'client_secret_basic',
    }),
  };

  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = request.url ?? '';
      seen.push(path);
      if (path === '/moved.json')
        return response.writeHead(302, { location: '/client.json' }).end();
      if (path === '/large.json')
        return response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ client_id: `${origin}/large.json`, x: 'x'.repeat(20_000) }));
      const type = path === '/client.json' || documents[path] ? 'application/json' : 'text/html';
      return response
        .writeHead(200, { 'content-type': type })
        .end(JSON.stringify(documents[path]?.(origin) ?? {}));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  test('signs people in under that id, and is read once', async () => {
    const tokens = await fixture.signIn('anna', `${origin}/client.json`);
    expect(decodeJwt(tokens.access_token)['client_id']).toBe(`${origin}/client.json`);
    await fixture.ask('anna', `${origin}/client.json`);
    expect(seen.filter((path) => path === '/client.json').length).toBe(1);
  });

  test.each(['/other.json', '/secret.json', '/moved.json', '/large.json', '/none.json'])(
    '%s is no client',
    async (path) => {
      expect((await fixture.ask('anna', `${origin}${path}`)).page.status).toBe(400);
    },
  );

  test.each([
    'https://169.254.169.254/latest/meta-data',
    'http://169.254.169.254/client.json',
    'https://user@app.example/client.json',
    'https://app.example/../client.json',
    'https://app.example/client.json#x',
    'https://app.example',
    'ftp://app.example/client.json',
  ])('row 33, SSRF: %s is not read', async (clientId) => {
    expect((await fixture.ask('anna', clientId)).page.status).toBe(400);
  });
});

// Last: whoever shares the address waits with the one who floods.
test('row 15, flooding: one address registers thirty, then waits', async () => {
  const before = await fixture.vault.count('registered_client');
  const answers = await Promise.all(
    Array.from({ length: 40 }, () =>
      fixture.post('/oauth2/register', { redirect_uris: [clientRedirect] }),
    ),
  );
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThanOrEqual(9);
  expect(refused[0]?.headers.get('retry-after')).toBe('20');
  const made = (await fixture.vault.count('registered_client')) - before;
  expect(made).toBe(40 - refused.length);
});
