import { parse } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allTemplates } from '../templates/catalogue.js';
import { oauthClientDocument } from '../registry/domain/oauth-client-document.js';
import { effective } from '../registry/effective-oauth-client.js';
import { AdminFixture } from './admin-fixture.js';
import { serverChecks } from './server-checks.js';

let vault: AdminFixture;

beforeAll(async () => {
  vault = await AdminFixture.start();
});
afterAll(() => vault.stop());

const client = (more: object = {}) => ({
  name: 'Company',
  template: 'oidc',
  variables: { issuer: vault.issuer.issuer },
  ...more,
});

const put = (slug: string, body: object) =>
  vault.ask('PUT', `/admin/v1/oauth-clients/${slug}`, { body });

it('the test of an oauth client knows what its template knows: PKCE, and how to revoke', () => {
  const document = (template: string) =>
    effective(oauthClientDocument.parse({ slug: 'a', name: 'A', template }));
  const server = {
    authorization: 'https://a',
    token: 'https://a',
    metadata: undefined,
    revocation: undefined,
    registration: undefined,
  };
  const told = (name: string, template: string) =>
    serverChecks(document(template), server).find(({ check }) => check === name);
  expect(told('pkce', 'stripe')?.detail).toContain('takes no PKCE');
  expect(told('pkce', 'box')?.detail).toContain('sends S256 always');
  expect(told('revocation', 'slack')?.status).toBe('pass');
  expect(told('revocation', 'stripe')?.status).toBe('needs-user');
});

describe('templates over the admin API', () => {
  it('lists every one with the variables it needs and what to type at the provider', async () => {
    const { status, body } = await vault.ask('GET', '/admin/v1/templates');
    expect(status).toBe(200);
    expect(body.items.map(({ name }: { name: string }) => name)).toEqual(
      allTemplates().map(({ name }) => name),
    );
    const shopify = await vault.ask('GET', '/admin/v1/templates/shopify');
    expect(shopify.body).toMatchObject({
      title: 'Shopify',
      docs: expect.stringMatching(/^https:/),
      register: expect.stringContaining('redirectUri'),
      redirectUri: 'https://vault.example.com/callback/{slug}',
      variables: { shop: { example: 'example-shop', hosts: ['*.myshopify.com'] } },
      inject: { header: 'X-Shopify-Access-Token', scheme: '' },
    });
    expect((await vault.ask('GET', '/admin/v1/templates/nowhere')).status).toBe(404);
    expect((await vault.ask('GET', '/admin/v1/templates', { token: null })).status).toBe(401);
  });

  it('an oauth client of a template shows what it says itself, and is ready by the effective document', async () => {
    const saved = await put('company', client({ clientId: 'vault', clientSecret: 's' }));
    expect(saved.status).toBe(201);
    expect(saved.body).toMatchObject({ template: 'oidc', status: 'ready', missing: [] });
    // What the template gives is not copied: a better template of a later release reaches it.
    expect(Object.keys(saved.body)).not.toContain('issuer');
    expect(Object.keys(saved.body)).not.toContain('scopes');
  });

  it.each([
    ['without its variable', { variables: {} }, '/variables/issuer', 'required'],
    [
      'a variable too many',
      { variables: { issuer: 'http://127.0.0.1:1', x: 'y' } },
      '/variables/x',
      'unknown-field',
    ],
    ['a bad value', { variables: { issuer: 'ftp://x' } }, '/variables/issuer', 'invalid-value'],
    ['no such template', { template: 'nowhere' }, '/template', 'unknown-reference'],
    [
      'a variable that is no text',
      { variables: { issuer: 1 } },
      '/variables/issuer',
      'invalid-type',
    ],
    [
      'variables without a template',
      { template: undefined, issuer: 'http://127.0.0.1:1' },
      '/variables',
      'invalid-value',
    ],
    [
      'a member that contradicts',
      { registration: 'dynamic', clientId: 'x' },
      '/clientId',
      'invalid-value',
    ],
    [
      'issuer and endpoints',
      {
        issuer: 'http://127.0.0.1:1',
        endpoints: { authorization: 'http://127.0.0.1:1', token: 'http://127.0.0.1:1' },
      },
      '/issuer',
      'invalid-value',
    ],
    [
      'no server to begin with',
      { template: 'mcp', variables: undefined },
      '/discoverFrom',
      'required',
    ],
  ])('%s is 422 at the exact place', async (_name, more, pointer, code) => {
    const { status, body } = await put('wrong', client(more));
    expect([status, body.errors]).toEqual([422, [expect.objectContaining({ pointer, code })]]);
  });

  it('row 33, SSRF: the address that a variable makes is checked like a typed one', async () => {
    const { status, body } = await put(
      'wrong',
      client({ variables: { issuer: 'http://169.254.169.254' } }),
    );
    expect(status).toBe(422);
    expect(body.errors).toMatchObject([
      { pointer: '/variables/issuer', code: 'forbidden-address' },
    ]);
  });

  it('row 34, stealing a secret by editing the token URL: a variable counts as one', async () => {
    await put('moved', client({ clientId: 'vault', clientSecret: 's' }));
    const elsewhere = { variables: { issuer: 'http://127.0.0.1:1' } };
    const path = '/admin/v1/oauth-clients/moved';
    const alone = await vault.ask('PATCH', path, { body: elsewhere });
    expect([alone.status, alone.body.errors]).toMatchObject([
      422,
      [{ pointer: '/clientSecret', code: 'secret-required' }],
    ]);
    vault.suspended.length = 0;
    const whole = await vault.ask('PATCH', path, { body: { ...elsewhere, clientSecret: 't' } });
    expect(whole.status).toBe(200);
    expect(vault.suspended).toHaveLength(1);
  });

  it('goes out by export and in by apply, unchanged', async () => {
    await put('portable', client({ authorizeParams: { prompt: 'consent' } }));
    const exported = await vault.ask('GET', '/admin/v1/export');
    const document = parse(exported.text) as { 'oauth-clients': { slug: string }[] };
    const one = document['oauth-clients'].find(({ slug }) => slug === 'portable');
    expect(one).toEqual({
      slug: 'portable',
      name: 'Company',
      template: 'oidc',
      variables: { issuer: vault.issuer.issuer },
      authorizeParams: { prompt: 'consent' },
    });
    const headers = { 'content-type': 'application/yaml' };
    const applied = await vault.ask('POST', '/admin/v1/apply', { body: exported.text, headers });
    expect(applied.status).toBe(200);
    const actions = (applied.body.results as { action: string }[]).map(({ action }) => action);
    expect(new Set(actions)).toEqual(new Set(['unchanged']));
  });
});
