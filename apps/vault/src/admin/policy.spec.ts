import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminFixture, upstreamBody } from './admin-fixture.js';

const adminAudience = 'https://vault.example.com/admin';
const gatewayUrl = 'https://gateway.example.com';
const tools = {
  default: 'deny',
  status: { public: true },
  'get_*': {},
  get_secret: { claims: { '/realm_access/roles': { includes: 'boss' } } },
  write: { scopes: ['write'], upstreamScopes: ['files.write'] },
  old: { hidden: true },
};

let vault: AdminFixture;

beforeAll(async () => {
  vault = await AdminFixture.start();
  await vault.registerAll();
  const roles = [{ role: 'auditor', claim: 'groups', includes: 'audit' }];
  await patch('issuers/corporate', {
    admin: { audience: adminAudience, roles },
    scopeHierarchy: { 'mcp:all': ['mcp', 'write'] },
  });
  await patch('upstreams/snowdemo', {
    access: { scopes: ['mcp'], claims: { team: { equals: 'data' } } },
    toolChanges: 'hold',
    tools,
  });
  await put('upstreams/reports', {
    ...{ ...upstreamBody, type: 'http', credential: { type: 'none' } },
    access: { scopes: ['reports'] },
    egress: { methods: ['GET', 'POST'], paths: ['/items', '/items/*', '/files/**'] },
  });
  await put('applications/evil', {
    ...{ issuer: 'corporate', clientId: 'evil', name: 'Evil', trust: 'blocked' },
  });
  const jwks = { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'x'.repeat(43) }] };
  const gateway = { kind: 'gateway', jwks, upstreams: '*' };
  await put('machine-clients/gw', { ...gateway, publicUrl: 'https://other.example.com' });
});
afterAll(() => vault.stop());

async function put(path: string, body: object, method = 'PUT'): Promise<void> {
  const { status, text } = await vault.ask(method, `/admin/v1/${path}`, { body });
  if (status > 201) throw new Error(`${path}: ${status} ${text}`);
}
/** Straight into the registry, as a new version of it. */
async function write(sql: string, parameters: unknown[] = []): Promise<void> {
  await vault.database.query(sql, parameters);
  await vault.database.query('UPDATE registry_version SET version = version + 1');
}
const patch = (path: string, body: object) => put(path, body, 'PATCH');

const explain = (question: object, options = {}) =>
  vault.ask('POST', '/admin/v1/policy/explain', {
    body: { upstream: 'snowdemo', ...question },
    ...options,
  });
const ann = {
  issuer: 'corporate',
  application: 'tour',
  subject: 'ann',
  scopes: ['mcp'],
  claims: { team: 'data' },
};
const toolFor = async (caller: object | undefined, tool: string) => {
  const who = caller === undefined ? { anonymous: true } : { caller };
  return (await explain({ ...who, tool })).body;
};

describe('the explanation of a decision', () => {
  it.each([
    ['get_x', ann, { decision: 'allowed', rule: 'get_*', public: false }],
    ['status', ann, { decision: 'allowed', rule: 'status', public: true }],
    ['status', undefined, { decision: 'sign-in', rule: 'status', public: true }],
    ['status', { ...ann, claims: {} }, { decision: 'refused', because: 'claims', public: true }],
    ['get_x', undefined, { decision: 'sign-in', rule: 'get_*', scopes: ['mcp'] }],
    [
      'write',
      ann,
      { decision: 'insufficient-scope', scopes: ['mcp', 'write'], missingScopes: ['write'] },
    ],
    [
      'write',
      { ...ann, scopes: ['mcp:all'] },
      { decision: 'allowed', upstreamScopes: ['files.write'] },
    ],
    ['get_x', { ...ann, scopes: [] }, { decision: 'insufficient-scope', missingScopes: ['mcp'] }],
    [
      'get_secret',
      ann,
      { because: 'claims', unmetClaims: { '/realm_access/roles': { includes: 'boss' } } },
    ],
    [
      'get_x',
      { ...ann, claims: {} },
      { because: 'claims', unmetClaims: { team: { equals: 'data' } } },
    ],
    ['old', ann, { decision: 'refused', because: 'hidden', rule: 'old' }],
    ['other', ann, { decision: 'refused', because: 'denied', rule: null }],
  ])('%s for %j', async (tool, caller, expected) => {
    const { tool: answer } = await toolFor(caller, tool);
    expect(answer).toMatchObject({ name: tool, ...expected });
    expect(answer.why).toMatch(/\.$/);
  });

  const bob = { ...ann, scopes: ['reports'] };
  it.each([
    [bob, 'GET', '/items/7?all', { decision: 'allowed', rule: 'egress.paths', entry: '/items/*' }],
    [bob, 'POST', '/files/a%2Fb/c', { decision: 'allowed', entry: '/files/**' }],
    [
      bob,
      'DELETE',
      '/items/7',
      { decision: 'refused', because: 'method', rule: 'egress.methods', allowed: ['GET', 'POST'] },
    ],
    [bob, 'TRACE', '/items', { decision: 'refused', because: 'method', rule: null }],
    [bob, 'GET', '/items/7%2Fowner', { because: 'path', rule: 'egress.paths' }],
    [bob, 'GET', '', { because: 'path', rule: 'egress.paths' }],
    [bob, 'GET', '/files/%2e%2e/x', { because: 'target', rule: 'target' }],
    [ann, 'DELETE', '/x', { decision: 'insufficient-scope', rule: 'access', scopes: ['reports'] }],
    [{ ...bob, application: 'evil' }, 'GET', '/items', { rule: 'application' }],
    [undefined, 'GET', '/items', { decision: 'sign-in', rule: 'access' }],
  ])('row 23, an HTTP call: by %j, %s %s', async (caller, method, path, expected) => {
    const who = caller === undefined ? { anonymous: true } : { caller };
    const { body } = await explain({ ...who, upstream: 'reports', method, path });
    expect(body.call).toMatchObject({ method, path, webSocket: false, ...expected });
    expect(body.call.why).toMatch(/\.$/);
    expect(body).not.toHaveProperty('tools');
  });

  it('a WebSocket passes where egress says so, and an MCP server has no paths', async () => {
    const question = { caller: bob, upstream: 'reports', path: '/items', webSocket: true };
    expect((await explain(question)).body.call).toMatchObject({
      ...{ decision: 'refused', because: 'web-socket', rule: 'egress.webSocket' },
    });
    await patch('upstreams/reports', { egress: { webSocket: true } });
    expect((await explain(question)).body.call).toMatchObject({
      ...{ decision: 'allowed', rule: 'egress.webSocket', entry: '/items', method: 'GET' },
    });
    expect((await explain({ caller: bob, upstream: 'reports' })).body).not.toHaveProperty('call');
    const wrong = await explain({ caller: ann, path: '/items' });
    expect([wrong.status, wrong.body.errors]).toMatchObject([422, [{ pointer: '/path' }]]);
  });

  it('a public tool is served to everybody where there is a credential for that', async () => {
    await patch('upstreams/snowdemo', { publicCredential: { type: 'none' } });
    for (const caller of [undefined, { ...ann, claims: {} }]) {
      const { tool, credential } = await toolFor(caller, 'status');
      expect(tool).toMatchObject({ decision: 'allowed', rule: 'status', public: true });
      expect(credential).toMatchObject({ which: 'public', type: 'none' });
    }
    await patch('upstreams/snowdemo', { publicCredential: null });
  });

  it('says who calls, with the scopes that follow from others', async () => {
    const { body } = await explain({
      caller: { ...ann, scopes: ['mcp:all'] },
      method: 'tools/list',
    });
    expect(body).toMatchObject({
      method: 'tools/list',
      who: {
        ...{ issuer: 'corporate', subject: 'ann', machine: false },
        application: { id: 'tour', name: 'Tour', trust: 'known' },
        scopes: ['mcp:all', 'mcp', 'write'],
      },
      access: { decision: 'allowed' },
    });
  });

  it('without a tool has a line for each rule, and one for the default', async () => {
    const { body } = await explain({ caller: ann });
    expect(
      body.tools.map((one: { rule: string; decision: string }) => [one.rule, one.decision]),
    ).toEqual([
      ['get_secret', 'refused'],
      ['old', 'refused'],
      ['status', 'allowed'],
      ['write', 'insufficient-scope'],
      ['get_*', 'allowed'],
      [null, 'refused'],
    ]);
  });

  it('tells of a blocked application, of a tool that is held, and of what is not there', async () => {
    expect(await toolFor({ ...ann, application: 'evil' }, 'get_x')).toMatchObject({
      access: { decision: 'refused', because: 'application' },
    });
    await write(
      `INSERT INTO upstream_tool (upstream_id, name, fingerprint, state)
       SELECT id, 'get_held', repeat('0', 64), 'held' FROM registry_resource WHERE slug = 'snowdemo'`,
    );
    const { tool } = await toolFor(ann, 'get_held');
    expect(tool).toMatchObject({ decision: 'refused', because: 'held', rule: 'get_*' });
    expect((await explain({ caller: ann, upstream: 'nowhere' })).status).toBe(404);
    const stranger = await explain({ caller: { ...ann, issuer: 'nowhere' } });
    expect(stranger.body.errors).toMatchObject([{ pointer: '/caller/issuer' }]);
  });

  it('tells which credential is used, and whether the person has granted and allowed it', async () => {
    const before = await toolFor(ann, 'get_x');
    expect(before.credential).toMatchObject({
      ...{ which: 'person', type: 'oauth', oauthClient: 'snow' },
      held: { grant: null, consent: null },
    });
    await vault.database.query(
      `INSERT INTO user_grant (issuer_id, subject, oauth_client_id, partition, status, requested_scopes, granted_scopes)
       SELECT i.id, 'ann', o.id, u.id::text, 'active', '{read}', '{read}'
         FROM registry_resource i, registry_resource o, registry_resource u
        WHERE i.slug = 'corporate' AND o.slug = 'snow' AND u.slug = 'snowdemo'`,
    );
    const granted = await toolFor(ann, 'get_x');
    expect(granted.credential).toMatchObject({
      held: { grant: { status: 'active', grantedScopes: ['read'] }, consent: null },
    });
    await vault.database.query(
      `INSERT INTO client_consent (issuer_id, subject, application, consumer, upstream_id, scopes, expires_at)
       SELECT i.id, 'ann', 'tour', 'gateway', u.id, '{read}', now() + interval '1 day'
         FROM registry_resource i, registry_resource u WHERE i.slug = 'corporate' AND u.slug = 'snowdemo'`,
    );
    const allowed = await toolFor(ann, 'get_x');
    expect(allowed.credential.held.consent).toMatchObject({ scopes: ['read'] });
    expect(allowed.credential.why).toContain('allowed this application');
    const { subject: _, ...unknown } = ann;
    expect((await toolFor(unknown, 'get_x')).credential).not.toHaveProperty('held');
    expect((await toolFor(undefined, 'status')).credential).toMatchObject({ which: 'none' });
    const open = await explain({ anonymous: true, upstream: 'open' });
    expect(open.body.credential).toMatchObject({ which: 'none', type: 'none' });
  });

  it.each([
    [{ caller: { issuer: 'corporate', application: 'a', subject: 'a\0' } }],
    [{}],
    [{ anonymous: true, caller: ann }],
    [{ anonymous: false }],
    [{ caller: { issuer: 'corporate' } }],
    [{ anonymous: true, tool: '' }],
    [{ anonymous: true, extra: 1 }],
  ])('asks for one of token, caller and anonymous: %j', async (question) => {
    expect((await explain(question)).status).toBe(422);
  });
});

describe('the explanation of a pasted token', () => {
  const token = (more: object = {}) =>
    vault.issuer.accessToken({
      ...{ subject: 'ann', clientId: 'tour', audience: `${gatewayUrl}`, scope: 'mcp' },
      claims: { team: 'data' },
      ...more,
    });

  it('judges it as gateways would, and says so claim by claim', async () => {
    const { body } = await explain({ token: await token(), tool: 'write' });
    expect(body).toMatchObject({
      who: { issuer: 'corporate', subject: 'ann', scopes: ['mcp'] },
      token: { issuer: 'corporate', accepted: true },
      tool: { decision: 'insufficient-scope', missingScopes: ['write'] },
    });
    expect(body.token.checks.map(({ check }: { check: string }) => check)).toContain('aud');
  });

  it.each([
    ['for another place', { audience: 'https://elsewhere.example' }, 'aud'],
    ['that has expired', { expiresIn: -3600 }, 'exp'],
  ])('one %s decides nothing', async (_, more, check) => {
    const { body } = await explain({ token: await token(more), tool: 'get_x' });
    expect(body).toMatchObject({
      ...{ who: null, access: { decision: 'sign-in', because: 'token' } },
      token: { accepted: false },
    });
    expect(body).not.toHaveProperty('tool');
    const failed = body.token.checks.filter(({ status }: { status: string }) => status === 'fail');
    expect(failed[0]).toMatchObject({ check });
  });

  it('what is no token at all is said so', async () => {
    const { body } = await explain({ token: 'not a token' });
    expect(body).toMatchObject({ who: null, token: { issuer: null, accepted: false } });
  });

  it('row 40, leaks: nowhere stands the token, and in the log stands who asked about whom', async () => {
    const pasted = await token();
    const { text } = await explain({ token: pasted, tool: 'get_x' });
    const [, payload = '', signature = ''] = pasted.split('.');
    const audit = await vault.database.query<{ target: object; actor: object }>(
      `SELECT * FROM audit_event WHERE action = 'policy.explained' ORDER BY sequence DESC LIMIT 1`,
    );
    expect(audit).toMatchObject([
      {
        actor: { kind: 'admin', client: 'bootstrap-token' },
        target: { upstream: 'snowdemo', tool: 'get_x', issuer: 'corporate', subject: 'ann' },
        detail: { by: 'token' },
      },
    ]);
    for (const place of [text, JSON.stringify(audit), vault.logged.join('')])
      for (const part of [payload, signature, 'canary']) expect(place).not.toContain(part);
  });
});

describe('who may ask', () => {
  const auditor = (groups: string[]) =>
    vault.issuer.accessToken({
      ...{ subject: 'vera', clientId: 'console', audience: adminAudience, claims: { groups } },
    });

  it('auditors may, and change nothing else', async () => {
    const asked = await explain({ caller: ann }, { token: await auditor(['audit']) });
    expect(asked.status).toBe(200);
    expect(asked.headers.get('cache-control')).toBe('no-store');
    const path = '/admin/v1/upstreams/snowdemo/tools/approve';
    const body = { all: true };
    const approve = await vault.ask('POST', path, { body, token: await auditor(['audit']) });
    expect(approve.status).toBe(403);
    const list = { token: await auditor(['audit']) };
    expect((await vault.ask('GET', '/admin/v1/upstreams/snowdemo/tools', list)).status).toBe(200);
  });

  it('callers and strangers may not', async () => {
    expect((await explain({ caller: ann }, { token: await auditor([]) })).status).toBe(403);
    expect((await explain({ caller: ann }, { token: null })).status).toBe(401);
  });
});

it('an upstream of HTTP has access and no tools', async () => {
  await put('upstreams/api', { ...upstreamBody, type: 'http', credential: { type: 'none' } });
  const { body } = await explain({ caller: ann, upstream: 'api', tool: 'x', method: 'GET' });
  expect(body).toMatchObject({ access: { decision: 'allowed' } });
  expect(body).not.toHaveProperty('tool');
});

it.each([
  [{ a: ['b c'] }],
  [{ 'a b': [] }],
  [{ a: 'b' }],
  [Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`s${n}`, []]))],
])('a scopeHierarchy that is none is refused (%#)', async (scopeHierarchy) => {
  const body = { scopeHierarchy };
  const refused = await vault.ask('PATCH', '/admin/v1/issuers/corporate', { body });
  expect(refused.status).toBe(422);
  expect(refused.body.errors[0].pointer).toMatch(/^\/scopeHierarchy/);
});
