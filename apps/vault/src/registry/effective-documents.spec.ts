import { describe, expect, it, test } from 'vitest';
import { oauthClientDocument } from './domain/oauth-client-document.js';
import { effective, filledTemplateOf, templateResolution } from './effective-oauth-client.js';
import { snapshotOf } from './snapshot-of.js';
import type { RegistryRow } from './registry-row.js';

const document = (more: object) => oauthClientDocument.parse({ slug: 'one', name: 'One', ...more });
const shopify = (more: object = {}) =>
  document({ template: 'shopify', variables: { shop: 'example-shop' }, ...more });

describe('the effective oauth client', () => {
  it('is the template with its variables, under what the document says itself', () => {
    expect(effective(shopify({ authorizeParams: { locale: 'de' } }))).toMatchObject({
      endpoints: { token: 'https://example-shop.myshopify.com/admin/oauth/access_token' },
      clientAuth: 'client_secret_post',
      authorizeParams: { 'grant_options[]': 'per-user', locale: 'de' },
      sharing: 'per-upstream',
    });
    const own = { clientAuth: 'client_secret_basic', scopes: ['read_orders'] };
    expect(effective(shopify(own))).toMatchObject(own);
  });

  it('has the provider’s rules of refreshing, of which each may be another', () => {
    const box = document({ template: 'box', refresh: { graceSeconds: 5 } });
    expect(effective(box).refresh).toMatchObject({ idleSeconds: 60 * 86_400, graceSeconds: 5 });
  });

  it('may be at other addresses and keep what is peculiar', () => {
    const endpoints = { authorization: 'https://a.example/x', token: 'https://a.example/y' };
    const gov = effective(document({ template: 'slack', endpoints }));
    expect(gov).toMatchObject({ endpoints, clientAuth: 'client_secret_post', template: 'slack' });
    expect(effective(document({ template: 'slack', issuer: 'https://a.example' }))).toMatchObject({
      issuer: 'https://a.example',
      endpoints: undefined,
    });
  });

  it('without a template is what it always was, with its defaults', () => {
    const plain = document({ issuer: 'https://a.example' });
    expect(plain).toEqual(effective(plain));
    expect(plain).toMatchObject({ clientAuth: 'client_secret_basic', scopes: [] });
  });

  it('whose template has gone leads nowhere, and takes nobody with it', () => {
    const gone = document({ template: 'gone', endpoints: undefined });
    expect(effective(gone)).toMatchObject({ issuer: 'https://template.invalid', template: 'gone' });
  });
});

describe('row 34, a secret or token of one server reaches no other', () => {
  const at = (host: string) => ({ authorization: `${host}/a`, token: `${host}/t` });
  const calls = ({ template, endpoints }: { template: string; endpoints?: object }) => {
    const own = document({ template, ...(endpoints ? { endpoints } : {}) });
    const filled = filledTemplateOf(effective(own));
    const account = filled?.account?.from === 'request' ? [filled.account.url] : [];
    const after = filled?.metadata.postConnect.map(({ url }) => url) ?? [];
    return [...account, ...after, ...(filled?.revoke ? [filled.revoke.url] : [])];
  };

  test.each(['github', 'hubspot', 'atlassian', 'dropbox'])(
    '%s, at an instance of one’s own: the public one is told nothing',
    (template) => {
      expect(calls({ template })).not.toEqual([]);
      expect(calls({ template, endpoints: at('https://own.example') })).toEqual([]);
    },
  );

  it('its other endpoints do not stay behind either', () => {
    const endpoints = at('https://own.example');
    for (const template of ['box', 'figma', 'discord', 'quickbooks'])
      expect(effective(document({ template, endpoints })).endpoints).toEqual(endpoints);
    const revocation = 'https://own.example/r';
    const whole = { ...endpoints, revocation };
    expect(effective(document({ template: 'box', endpoints: whole })).endpoints).toEqual(whole);
  });

  it('an issuer of one’s own is no less one', () => {
    const xero = document({ template: 'xero', issuer: 'https://own.example' });
    expect(filledTemplateOf(effective(xero))?.metadata.postConnect).toEqual([]);
  });

  it('the same server keeps what its template knows', () => {
    const endpoints = at('https://github.com');
    expect(calls({ template: 'github', endpoints })).toEqual(calls({ template: 'github' }));
    expect(filledTemplateOf(effective(document({ template: 'xero' })))?.metadata).toMatchObject({
      postConnect: [{ url: 'https://api.xero.com/connections' }],
    });
  });
});

describe('row 33, SSRF by a variable', () => {
  test.each([
    ['another host behind a path', { shop: 'evil.example/' }],
    ['a user', { shop: 'evil.example@' }],
    ['a fragment', { shop: 'evil.example#' }],
    ['a port', { shop: 'x:1' }],
    ['an IP literal', { shop: '127.0.0.1/' }],
  ])('%s is refused at its pointer', (_name, variables) => {
    expect(templateResolution.faults(shopify({ variables }))).toMatchObject([
      { pointer: '/variables/shop', code: 'invalid-value' },
    ]);
  });

  test('a pattern that let it through would not help: the host is held against a list', () => {
    const salesforce = (host: string) =>
      templateResolution.faults(document({ template: 'salesforce', variables: { host } }));
    expect(salesforce('example.my.salesforce.com')).toEqual([]);
    expect(salesforce('my.salesforce.com.evil.example')).toMatchObject([
      { pointer: '/variables/host', code: 'host-not-allowed' },
    ]);
    expect(salesforce('evilmy.salesforce.com')).toMatchObject([{ code: 'host-not-allowed' }]);
  });

  test('every address is told, with the member that decides on it', () => {
    const urls = templateResolution.calledUrls(
      document({ template: 'zendesk', variables: { subdomain: 'example' } }),
    );
    expect(urls).toContainEqual({
      pointer: '/variables/subdomain',
      url: 'https://example.zendesk.com/api/v2/oauth/tokens/current.json',
    });
    expect(urls).toHaveLength(4);
    expect(templateResolution.calledUrls(document({ template: 'box' }))).toContainEqual({
      pointer: '/template',
      url: 'https://api.box.com/oauth2/token',
    });
  });
});

test('an upstream takes the header that its provider’s API wants, unless it names one', () => {
  const at = { createdAt: new Date(0), updatedAt: new Date(0), version: 1, secretsSet: [] };
  const row = (collection: RegistryRow['collection'], slug: string, more: object): RegistryRow => ({
    ...{ id: slug, collection, slug, ...at, checkFailure: undefined },
    document: { slug, name: 'A', ...more },
  });
  const upstream = (slug: string, oauthClient: string, more: object = {}) =>
    row('upstreams', slug, {
      ...{ type: 'http', url: 'https://a.example', credential: { type: 'oauth', oauthClient } },
      ...more,
    });
  const plain = { issuer: 'https://a.example' };
  const registry = snapshotOf({
    version: 1,
    rows: [
      row('oauth-clients', 'shop', { template: 'shopify', variables: { shop: 'example-shop' } }),
      row('oauth-clients', 'plain', plain),
      upstream('by-template', 'shop'),
      upstream('by-itself', 'shop', { inject: { header: 'X-Token' } }),
      upstream('by-rfc', 'plain'),
    ],
  });
  const injectOf = (slug: string) => registry.upstream(slug)?.document.inject;
  expect(injectOf('by-template')).toEqual({ header: 'X-Shopify-Access-Token', scheme: '' });
  expect(injectOf('by-itself')).toEqual({ header: 'X-Token', scheme: 'Bearer' });
  expect(injectOf('by-rfc')).toEqual({ header: 'Authorization', scheme: 'Bearer' });
});
