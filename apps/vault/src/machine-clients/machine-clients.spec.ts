import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalServer, sendJson, startLocalServer } from '#lib/testing/local-server';
import { AdminFixture, vaultPublicUrl } from '../admin/admin-fixture.js';

let vault: AdminFixture;
const { privateKey, publicKey } = await generateKeyPair('ES256');
const other = await generateKeyPair('ES256');

beforeAll(async () => {
  vault = await AdminFixture.start();
  await vault.registerAll();
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] };
  const gateway = { kind: 'gateway', publicUrl: 'https://gateway.example.com', jwks };
  const put = (slug: string, body: object) =>
    vault.ask('PUT', `/admin/v1/machine-clients/${slug}`, { body });
  expect((await put('gw', { ...gateway, upstreams: '*' })).status).toBe(201);
  expect((await put('narrow', { ...gateway, upstreams: ['open'] })).status).toBe(201);
});
afterAll(() => vault.stop());

function assertion(claims: JWTPayload = {}, header = {}, key = privateKey): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({
    iss: 'gw',
    sub: 'gw',
    aud: vaultPublicUrl,
    iat: now,
    exp: now + 60,
    jti: randomUUID(),
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1', ...header })
    .sign(key);
}

const config = (token: string | null, headers = {}) =>
  vault.ask('GET', '/gateway/v1/config', { token, headers });
const now = () => Math.floor(Date.now() / 1000);

describe('the assertion of a machine client', () => {
  it('opens the configuration, again and again within its life', async () => {
    const token = await assertion();
    expect((await config(token)).status).toBe(200);
    expect((await config(token)).status).toBe(200);
  });

  it.each([
    ['of nobody', { iss: 'nobody', sub: 'nobody' }],
    ['with another sub', { sub: 'narrow' }],
    ['for another audience', { aud: 'https://other.example' }],
    ['for several audiences', { aud: [vaultPublicUrl] }],
    ['for the token endpoint', { aud: `${vaultPublicUrl}/oauth2/token` }],
    ['that has expired', { iat: now() - 100, exp: now() - 40 }],
    ['that lives for an hour', { exp: now() + 3600 }],
    ['from the future', { iat: now() + 100, exp: now() + 130 }],
    ['without an end', { exp: undefined }],
    ['without a beginning', { iat: undefined }],
  ])('row 35, assertions: refuses one %s', async (_, claims) => {
    const refused = await config(await assertion(claims as JWTPayload));
    expect([refused.status, refused.body.type]).toEqual([401, 'urn:symbolon:invalid-token']);
    expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
  });

  it('refuses another key, an unknown kid, and a key that it brings itself', async () => {
    expect((await config(await assertion({}, {}, other.privateKey))).status).toBe(401);
    expect((await config(await assertion({}, { kid: 'k2' }))).status).toBe(401);
    const jwk = await exportJWK(other.publicKey);
    expect((await config(await assertion({}, { jwk }, other.privateKey))).status).toBe(401);
  });

  it('opens nothing of the admin API', async () => {
    const answer = await vault.ask('GET', '/admin/v1/issuers', { token: await assertion() });
    expect(answer.status).toBe(401);
    expect((await config(vault.bootstrapToken)).status).toBe(401);
    expect((await config(null)).headers.get('www-authenticate')).toContain('Bearer');
  });
});

describe('a workload, whose cluster signs for it', () => {
  const subject = 'system:serviceaccount:agents:summary';
  let cluster: LocalServer;
  let asked = 0;

  beforeAll(async () => {
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] };
    cluster = await startLocalServer((request, response) => {
      asked += 1;
      const jwks_uri = `${cluster.origin}/openid/v1/jwks`;
      const isKeys = request.url === '/openid/v1/jwks';
      sendJson(response, 200, isKeys ? jwks : { issuer: cluster.origin, jwks_uri });
    });
    const workload = { issuer: cluster.origin, subject };
    const body = { kind: 'gateway', publicUrl: 'https://k8s.example.com', workload, upstreams: [] };
    const put = await vault.ask('PUT', '/admin/v1/machine-clients/summary', { body });
    expect(put.status).toBe(201);
  });
  afterAll(() => cluster.stop());

  /** As a projected service-account token is. */
  const projected = (claims: JWTPayload = {}, key = privateKey) =>
    assertion(
      { iss: cluster.origin, sub: subject, aud: [vaultPublicUrl], exp: now() + 3600, ...claims },
      {},
      key,
    );

  it('is recognised by its service-account token, whose keys are looked up once', async () => {
    expect((await config(await projected())).status).toBe(200);
    expect((await config(await projected({ jti: 'another' }))).status).toBe(200);
    expect(asked).toBe(2);
  });

  it.each([
    ['of another service account', { sub: 'system:serviceaccount:agents:other' }],
    ['of another cluster', { iss: 'https://other.example.com' }],
    ['for the cluster’s own API', { aud: ['https://kubernetes.default.svc'] }],
    ['for the vault and others', { aud: [vaultPublicUrl, 'https://other.example'] }],
    ['that lives for two days', { exp: now() + 172_800 }],
    ['that has expired', { iat: now() - 7200, exp: now() - 3600 }],
  ])('row 35, assertions: a token %s is refused', async (_, claims) => {
    expect((await config(await projected(claims))).status).toBe(401);
  });

  it('row 35, assertions: neither a foreign key nor the slug alone speaks for it', async () => {
    expect((await config(await projected({}, other.privateKey))).status).toBe(401);
    const own = await assertion({ iss: 'summary', sub: 'summary' });
    expect((await config(own)).status).toBe(401);
  });

  it('cannot be two clients, nor come from where people sign in', async () => {
    const kind = { kind: 'gateway', publicUrl: 'https://k9s.example.com', upstreams: [] };
    const put = (workload: object) =>
      vault.ask('PUT', '/admin/v1/machine-clients/twin', { body: { ...kind, workload } });
    const twin = await put({ issuer: cluster.origin, subject });
    expect([twin.status, twin.body.errors[0].pointer]).toEqual([422, '/workload/subject']);
    const issuers = await vault.ask('GET', '/admin/v1/issuers');
    const [{ issuer }] = issuers.body.items;
    const people = await put({ issuer, subject: 'alice' });
    expect([people.status, people.body.errors[0].code]).toEqual([422, 'issuer-of-people']);
  });

  it('row 10, registry takeover: no issuer of people is made of the one that its tokens come from', async () => {
    const login = { clientId: 'a', clientSecret: 'b' };
    const put = (body: object) =>
      vault.ask('PUT', '/admin/v1/issuers/pods', { body: { login, ...body } });
    const same = await put({ issuer: cluster.origin });
    expect(same.status).toBe(422);
    expect(same.body.errors).toMatchObject([{ code: 'issuer-of-workloads', pointer: '/issuer' }]);
    const also = await put({ issuer: vault.issuer.issuer, alsoIssuedAs: [cluster.origin] });
    expect(JSON.stringify(also.body.errors)).toContain('issuer-of-workloads');
  });
});

describe('the configuration of a gateway', () => {
  it('holds what it needs to decide and route, and no secret', async () => {
    const { body, text } = await config(await assertion());
    expect(body.issuers).toMatchObject([{ slug: 'corporate', jwksUri: vault.issuer.jwksUri }]);
    expect(body.applications).toMatchObject([{ issuer: 'corporate', clientId: 'tour' }]);
    expect(body.upstreams).toMatchObject([
      { slug: 'open', credential: { type: 'none' } },
      { slug: 'snowdemo', credential: { type: 'oauth', scopes: ['read', 'run'] } },
    ]);
    expect(text).not.toMatch(/canary|clientSecret|login/);
  });

  it('row 32, confused deputy: shows a client its own upstreams only', async () => {
    const { body } = await config(await assertion({ iss: 'narrow', sub: 'narrow' }));
    expect(body.upstreams.map(({ slug }: { slug: string }) => slug)).toEqual(['open']);
  });

  it('says what passes to an API, and how much of it', async () => {
    const { body: open } = await vault.ask('GET', '/admin/v1/upstreams/open');
    const egress = {
      methods: ['GET'],
      paths: ['/v1/**'],
      requestHeaders: ['X-Tenant'],
      responseHeaders: ['etag'],
      webSocket: true,
    };
    const limits = { personPerMinute: 60, streams: 5, bodyBytes: 1000, headerBytes: 4096 };
    const ruled = { name: 'Ruled', type: 'http', url: open.url, credential: { type: 'none' } };
    const path = '/admin/v1/upstreams/ruled';
    const saved = await vault.ask('PUT', path, { body: { ...ruled, egress, limits } });
    expect(saved.status).toBe(201);
    const { body } = await config(await assertion());
    expect(body.upstreams.find(({ slug }: { slug: string }) => slug === 'ruled')).toMatchObject({
      egress: { ...egress, requestHeaders: ['x-tenant'] },
      limits,
    });
    expect((await vault.ask('DELETE', path)).status).toBe(204);
  });

  it('is 304 until something changes', async () => {
    const token = await assertion();
    const etag = (await config(token)).headers.get('etag')!;
    expect((await config(token, { 'if-none-match': etag })).status).toBe(304);
    await vault.ask('PATCH', '/admin/v1/upstreams/open', { body: { timeoutMs: 1234 } });
    const changed = await config(token, { 'if-none-match': etag });
    expect(changed.status).toBe(200);
    expect(changed.headers.get('etag')).not.toBe(etag);
  });
});
