import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AdminFixture } from './admin-fixture.js';

const adminAudience = 'https://vault.example.com/admin';
const adminRule = {
  audience: adminAudience,
  roles: [
    { role: 'admin', claim: '/realm_access/roles', includes: 'vault-admin' },
    { role: 'auditor', claim: 'groups', includes: 'audit' },
  ],
};

let vault: AdminFixture;

beforeEach(async () => {
  vault = await AdminFixture.start();
  await vault.ask('PUT', '/admin/v1/issuers/corporate', {
    body: vault.issuerBody({ audiences: ['https://gateway.example.com'], admin: adminRule }),
  });
});
afterEach(() => vault.stop());

const tokenWith = (claims: object, audience = adminAudience, expiresIn = 300) =>
  vault.issuer.accessToken({
    subject: 'root',
    clientId: 'console',
    audience,
    expiresIn,
    claims: { ...claims },
  });
const admin = { realm_access: { roles: ['vault-admin'] } };
const auditor = { groups: ['audit'] };
const read = (token: string | null, headers = {}) =>
  vault.ask('GET', '/admin/v1/issuers', { token, headers });

describe('the admin API', () => {
  it('asks for a bearer token', async () => {
    const answer = await read(null);
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer realm="symbolon admin"',
    ]);
  });

  it.each([
    ['Basic', { authorization: 'Basic eDp5' }],
    ['an empty bearer', { authorization: 'Bearer ' }],
  ])('refuses %s', async (_, headers) => {
    expect((await read(null, headers)).status).toBe(401);
  });

  it('refuses a token in the query and a wrong one', async () => {
    const query = `/admin/v1/issuers?access_token=${vault.bootstrapToken}`;
    expect((await vault.ask('GET', query, { token: null })).status).toBe(401);
    const wrong = await read('x'.repeat(43));
    expect(wrong.status).toBe(401);
    expect(wrong.headers.get('www-authenticate')).toContain('error="invalid_token"');
  });

  it('row 10, registry takeover: an administrator of an issuer cannot move one', async () => {
    const body = { to: 'https://evil.example.com' };
    const token = await tokenWith(admin);
    const path = '/admin/v1/issuers/corporate/move?dryRun=true';
    const refused = await vault.ask('POST', path, { token, body });
    expect([refused.status, refused.body.detail]).toEqual([
      403,
      'Only the bootstrap token moves an issuer: it decides whose tokens are believed.',
    ]);
  });

  it('row 38, admin authorisation: a user token is 403', async () => {
    const user = await tokenWith(admin, 'https://gateway.example.com');
    expect((await read(user)).status).toBe(403);
    expect((await read(await tokenWith({ groups: ['staff'] }))).status).toBe(403);
  });

  it('refuses an expired token and an ID token of an administrator', async () => {
    expect((await read(await tokenWith(admin, adminAudience, -60))).status).toBe(401);
    const about = { subject: 'root', clientId: adminAudience, claims: admin };
    expect((await read(await vault.issuer.idToken(about))).status).toBe(401);
  });

  it('lets an auditor read and change nothing', async () => {
    const token = await tokenWith(auditor);
    expect((await read(token)).status).toBe(200);
    const change = { token, body: vault.issuerBody() };
    expect((await vault.ask('PUT', '/admin/v1/issuers/corporate', change)).status).toBe(403);
    expect((await read(vault.bootstrapToken)).status).toBe(200);
  });

  it('ends the bootstrap token when an administrator of an issuer first signs in', async () => {
    expect((await read(await tokenWith(admin))).status).toBe(200);
    const refused = await read(vault.bootstrapToken);
    expect([refused.status, refused.body.type]).toEqual([401, 'urn:symbolon:invalid-token']);
    expect(refused.body.detail).toContain('SYMBOLON_ADMIN_RECOVERY');
  });

  it('audits each use of the bootstrap token, the refused ones too', async () => {
    await read(await tokenWith(admin));
    await read(vault.bootstrapToken);
    const uses = await vault.database.query(
      `SELECT outcome, target FROM audit_event WHERE action = 'admin.bootstrap_token_used' ORDER BY sequence`,
    );
    expect(uses).toEqual([
      { outcome: 'success', target: { method: 'PUT', path: '/admin/v1/issuers/corporate' } },
      { outcome: 'refused', target: { method: 'GET', path: '/admin/v1/issuers' } },
    ]);
  });

  it('row 10, registry takeover: an administrator of an issuer cannot move its keys', async () => {
    const token = await tokenWith(admin);
    const refused = await vault.ask('PATCH', '/admin/v1/issuers/corporate', {
      token,
      body: { jwksUri: 'http://127.0.0.1:9/jwks' },
    });
    expect(refused.status).toBe(403);
    expect(refused.body.errors).toMatchObject([{ pointer: '/jwksUri', code: 'bootstrap-only' }]);
  });

  it('never logs or stores a token that it was shown', async () => {
    const token = await tokenWith(admin);
    await read(token);
    await vault.ask('POST', '/admin/v1/issuers/corporate/test', { token, body: { token } });
    const audit = JSON.stringify(await vault.database.query('SELECT * FROM audit_event'));
    for (const secret of [token, token.split('.')[2]!, vault.bootstrapToken])
      expect([vault.logged.join(''), audit].join('')).not.toContain(secret);
  });
});

describe('the test of an issuer', () => {
  const test = (body: object) => vault.ask('POST', '/admin/v1/issuers/corporate/test', { body });

  it('explains a token claim by claim', async () => {
    const good = await test({ token: await tokenWith({}, 'https://gateway.example.com') });
    expect(good.body).toMatchObject({ issuer: 'corporate', accepted: true });
    const bad = await test({ token: await tokenWith({}, 'account') });
    const failed = bad.body.checks.filter((line: { status: string }) => line.status === 'fail');
    expect(failed).toMatchObject([{ check: 'aud', value: 'account' }]);
    expect(failed[0].fix).toBeTruthy();
    expect(bad.headers.get('cache-control')).toBe('no-store');
  });

  it('tests against an audience that is asked about', async () => {
    const token = await tokenWith({}, 'https://other.example');
    expect((await test({ token, audience: 'https://other.example' })).body.accepted).toBe(true);
  });

  it('answers 422 without a token and 404 for an unknown issuer', async () => {
    expect((await test({})).status).toBe(422);
    const path = '/admin/v1/issuers/nobody/test';
    expect((await vault.ask('POST', path, { body: { token: 'x' } })).status).toBe(404);
  });
});

describe('recovery', () => {
  it('SYMBOLON_ADMIN_RECOVERY lets the bootstrap token count again', async () => {
    const recovering = await AdminFixture.start({ recovery: true });
    await recovering.database.query(
      `INSERT INTO audit_event (action, outcome, actor, target) VALUES ('admin.issuer_admin_proven', 'success', '{}', '{}')`,
    );
    expect((await recovering.ask('GET', '/admin/v1/issuers')).status).toBe(200);
    await recovering.stop();
  });
});
