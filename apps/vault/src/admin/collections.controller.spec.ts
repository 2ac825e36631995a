import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminFixture, oauthClientBody, upstreamBody } from './admin-fixture.js';

let vault: AdminFixture;

beforeAll(async () => {
  vault = await AdminFixture.start();
  await vault.registerAll();
});
afterAll(() => vault.stop());

const ask: AdminFixture['ask'] = (...given) => vault.ask(...given);

describe('a resource over HTTP', () => {
  it('is created, read, replaced, patched and deleted by its slug', async () => {
    const path = '/admin/v1/applications/crud';
    const body = { issuer: 'corporate', clientId: 'crud', name: 'Crud', trust: 'known' };
    const created = await ask('PUT', path, { body });
    expect([created.status, created.headers.get('location')]).toEqual([201, path]);
    expect((await ask('GET', path)).body).toMatchObject({ slug: 'crud', ...body });
    expect((await ask('PUT', path, { body: { ...body, trust: 'blocked' } })).status).toBe(200);
    const patched = await ask('PATCH', path, {
      body: { name: 'Other' },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect(patched.body).toMatchObject({ name: 'Other', trust: 'blocked' });
    expect((await ask('DELETE', path)).status).toBe(204);
    expect((await ask('GET', path)).status).toBe(404);
  });

  it('takes back what it answered, unchanged', async () => {
    const { body, headers } = await ask('GET', '/admin/v1/oauth-clients/snow');
    const again = await ask('PUT', '/admin/v1/oauth-clients/snow', { body });
    expect([again.status, again.headers.get('etag')]).toEqual([200, headers.get('etag')]);
    expect(again.body.secretsSet).toEqual(['clientSecret']);
  });

  it('POST creates once and then conflicts', async () => {
    const body = { slug: 'posted', issuer: 'corporate', clientId: 'p', name: 'P', trust: 'known' };
    expect((await ask('POST', '/admin/v1/applications', { body })).status).toBe(201);
    expect((await ask('POST', '/admin/v1/applications', { body })).status).toBe(409);
  });

  it('writes only onto the version that the writer has read', async () => {
    const path = '/admin/v1/upstreams/open';
    const etag = (await ask('GET', path)).headers.get('etag')!;
    const body = { timeoutMs: 2000 };
    const first = await ask('PATCH', path, { body, headers: { 'if-match': etag } });
    expect(first.status).toBe(200);
    const late = await ask('PATCH', path, { body, headers: { 'if-match': etag } });
    expect([late.status, late.body.type]).toEqual([412, 'urn:symbolon:precondition-failed']);
    const create = { headers: { 'if-none-match': '*' }, body: upstreamBody };
    expect((await ask('PUT', path, create)).status).toBe(412);
  });

  it('tells the changes and effects of a dry run and changes nothing', async () => {
    const path = '/admin/v1/upstreams/snowdemo';
    const body = { url: 'http://127.0.0.1:4401/mcp' };
    const told = await ask('PATCH', `${path}?dryRun=true`, { body });
    expect(told.body).toMatchObject({
      dryRun: true,
      action: 'updated',
      changes: [{ pointer: '/url', before: upstreamBody.url, after: body.url }],
      effects: [{ kind: 'void-consents', count: 0 }],
    });
    expect((await ask('GET', path)).body.url).toBe(upstreamBody.url);
  });

  it('names who refers to what cannot be deleted', async () => {
    const refused = await ask('DELETE', '/admin/v1/oauth-clients/snow');
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({
      type: 'urn:symbolon:in-use',
      referrers: [{ collection: 'upstreams', slug: 'snowdemo' }],
    });
  });

  it('never shows a secret', async () => {
    for (const path of ['oauth-clients/snow', 'oauth-clients', 'issuers', 'issuers/corporate'])
      expect((await ask('GET', `/admin/v1/${path}`)).text).not.toContain('canary');
    const tables = await vault.database.query('SELECT document FROM registry_resource');
    const audit = await vault.database.query('SELECT * FROM audit_event');
    expect(JSON.stringify([tables, audit, vault.logged])).not.toContain('canary');
  });
});

describe('an oauth client', () => {
  it('may be a draft that shows which redirect URI to register', async () => {
    const { clientId: _, clientSecret: __, ...draft } = oauthClientBody;
    const { body } = await ask('PUT', '/admin/v1/oauth-clients/draft', { body: draft });
    expect(body).toMatchObject({
      redirectUri: 'https://vault.example.com/callback/draft',
      status: 'draft',
      missing: ['clientId', 'clientSecret'],
    });
    const ready = await ask('PATCH', '/admin/v1/oauth-clients/draft', {
      body: { clientId: 'x', clientSecret: 'y' },
    });
    expect(ready.body).toMatchObject({ status: 'ready', missing: [] });
  });

  it('is failing while its authorization server does not answer', async () => {
    const { endpoints: _, ...body } = oauthClientBody;
    const saved = await ask('PUT', '/admin/v1/oauth-clients/away', {
      body: { ...body, issuer: 'http://127.0.0.1:9' },
    });
    expect(saved.body).toMatchObject({ status: 'failing' });
    expect(saved.body.failure).toContain('127.0.0.1:9');
  });

  it('refuses protocol parameters among authorizeParams', async () => {
    const refused = await ask('PATCH', '/admin/v1/oauth-clients/snow', {
      body: { authorizeParams: { redirect_uri: 'https://evil.example' } },
    });
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([
      422,
      '/authorizeParams/redirect_uri',
    ]);
  });
});

describe('lists', () => {
  it('go page by page to their end', async () => {
    const slugs: string[] = [];
    let path: string | undefined = '/admin/v1/applications?limit=1';
    while (path !== undefined) {
      const { body, headers } = await ask('GET', path);
      slugs.push(...body.items.map((item: { slug: string }) => item.slug));
      const link: string | null = headers.get('link');
      expect(link === null).toBe(body.nextCursor === null);
      const next: string | undefined = /^<([^>]+)>; rel="next"$/.exec(link ?? '')?.[1];
      path = next === undefined ? undefined : next.replace('https://vault.example.com', '');
    }
    expect(slugs).toEqual([...new Set(slugs)].sort());
    expect(slugs).toContain('tour');
  });

  it('refuse a forged cursor, and one of another list', async () => {
    const { body } = await ask('GET', '/admin/v1/upstreams?limit=1');
    for (const cursor of ['forged', body.nextCursor, '%00'])
      expect((await ask('GET', `/admin/v1/applications?cursor=${cursor}`)).status).toBe(400);
  });

  it('row 38, SQL injection: refuse parameters that they do not know', async () => {
    const refused = await ask('GET', '/admin/v1/upstreams?sort=id;drop');
    expect([refused.status, refused.body.type]).toEqual([400, 'urn:symbolon:invalid-request']);
  });
});

describe('bad inputs', () => {
  const url = (text: string) => ({ ...upstreamBody, url: text });
  it.each([
    ['an abbreviated address', 'https://127.1'],
    ['a numeric address', 'https://2130706433'],
    ['the metadata address', 'http://[::ffff:169.254.169.254]/'],
    ['a translated address', 'https://[64:ff9b::7f00:1]'],
    ['a trailing dot', 'https://localhost.'],
    ['a user name', 'https://user@example.com'],
    ['javascript', 'javascript:alert(1)'],
    ['a line break', 'https://example.com/\r\nX: 1'],
  ])('row 33, SSRF by admin URLs: refuses %s', async (_, text) => {
    const refused = await ask('PUT', '/admin/v1/upstreams/bad', { body: url(text) });
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toMatchObject([{ pointer: '/url' }]);
    expect(refused.body.requestId).toMatch(/^req_/);
  });

  it.each([
    ['a name with line breaks', 'upstreams/bad', { ...upstreamBody, name: 'a\r\nb' }, 422, '/name'],
    ['an unknown field', 'upstreams/bad', { ...upstreamBody, x: 1 }, 422, '/x'],
    [
      'tools of an API',
      'upstreams/bad',
      { ...upstreamBody, type: 'http', tools: {} },
      422,
      '/tools',
    ],
    [
      'changes of the tools of an API',
      'upstreams/bad',
      { ...upstreamBody, type: 'http', toolChanges: 'hold' },
      422,
      '/toolChanges',
    ],
    ['another slug', 'upstreams/bad', { ...upstreamBody, slug: 'other' }, 422, '/slug'],
    [
      'an unknown reference',
      'applications/bad',
      { issuer: 'nobody', clientId: 'x', name: 'x', trust: 'known' },
      422,
      '/issuer',
    ],
    [
      'a header that undici sets itself',
      'upstreams/bad',
      { ...upstreamBody, inject: { header: 'Expect' } },
      422,
      '/inject/header',
    ],
    ['a missing field', 'upstreams/bad', { ...upstreamBody, name: undefined }, 422, '/name'],
    [
      'a private key',
      'machine-clients/bad',
      { kind: 'service', jwks: { keys: [{ kty: 'EC', d: 'x' }] } },
      422,
      '/jwks/keys/0',
    ],
  ])('refuses %s with its pointer', async (_, path, body, status, pointer) => {
    const refused = await ask('PUT', `/admin/v1/${path}`, { body });
    expect(refused.status).toBe(status);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(refused.body.errors.map((error: { pointer: string }) => error.pointer)).toEqual([
      pointer,
    ]);
  });

  it.each([
    ['no JSON', '{', 400],
    ['a list', '[]', 400],
    ['__proto__', '{"__proto__":{"x":1}}', 400],
    ['a number', '1', 400],
    ['U+0000', '{"name":"a","access":{"claims":{"x":{"equals":"\\u0000"}}}}', 400],
    ['half a character', '{"name":"\\ud800"}', 400],
    ['too much', `{"name":"${'x'.repeat(1_100_000)}"}`, 413],
    ['depth', `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`, 400],
  ])('refuses %s as a body', async (_, body, status) => {
    const refused = await ask('PUT', '/admin/v1/upstreams/bad', { body });
    expect(refused.status).toBe(status);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
  });

  it.each(['grants?subject=%00', 'audit-events?actor=a%00b', 'upstreams?cursor=%00'])(
    'row 38, SQL injection: U+0000 in a query is a bad request, not a failing database: %s',
    async (path) => expect((await ask('GET', `/admin/v1/${path}`)).status).toBe(400),
  );

  it('refuses other media types', async () => {
    const headers = { 'content-type': 'application/xml' };
    expect((await ask('PUT', '/admin/v1/upstreams/bad', { body: 'x', headers })).status).toBe(415);
  });

  it.each([
    '/admin/v1/nothing',
    '/admin/v1/upstreams/nothing',
    '/admin/v1/upstreams/NO%00',
    '/admin/v1',
  ])('answers 404 at %s', async (path) => {
    const answer = await ask('GET', path);
    expect([answer.status, answer.body.type]).toEqual([404, 'urn:symbolon:not-found']);
  });
});
