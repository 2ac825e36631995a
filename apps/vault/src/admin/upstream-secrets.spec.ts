import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminFixture, upstreamBody } from './admin-fixture.js';

let vault: AdminFixture;
const ask: AdminFixture['ask'] = (...given) => vault.ask(...given);

beforeAll(async () => {
  vault = await AdminFixture.start();
  await vault.registerAll();
});
afterAll(() => vault.stop());

const fixed = (secret?: unknown) => ({
  type: 'static',
  ...(secret === undefined ? {} : { secret }),
});
const put = (slug: string, body: object, query = '') =>
  ask('PUT', `/admin/v1/upstreams/${slug}${query}`, { body: { ...upstreamBody, ...body } });

describe('the secret of an upstream', () => {
  it('is set, shown by its name alone, and kept where it is left out', async () => {
    const made = await put('fixed', { credential: fixed(['canary-1', 'canary-0']) });
    expect([made.status, made.body.secretsSet]).toEqual([201, ['credential.secret']]);
    expect(made.text).not.toContain('canary');
    expect(made.body.credential).toEqual({ type: 'static' });
    const renamed = await put('fixed', { credential: fixed(), name: 'Another' });
    expect([renamed.status, renamed.body.secretsSet]).toEqual([200, ['credential.secret']]);
    expect((await ask('GET', '/admin/v1/export')).text).toContain(
      'UPSTREAMS_FIXED_CREDENTIAL_SECRET',
    );
  });

  it('is required by a static credential, and by no other', async () => {
    const without = await put('bare', { credential: fixed() });
    expect([without.status, without.body.errors]).toMatchObject([
      422,
      [{ pointer: '/credential/secret', code: 'required' }],
    ]);
    const stray = await put('bare', {
      discoveryCredential: { type: 'client-credentials', oauthClient: 'snow', secret: 'canary' },
    });
    expect(stray.body.errors).toMatchObject([
      { pointer: '/discoveryCredential/secret', code: 'unknown-field' },
    ]);
    const spaced = await put('bare', { credential: fixed('two words') });
    expect(spaced.body.errors).toMatchObject([{ pointer: '/credential/secret' }]);
    expect(spaced.text).not.toContain('two words');
  });

  it('goes with the credential that it was for', async () => {
    await put('changed', { credential: fixed('canary'), publicCredential: fixed('canary-2') });
    const told = await put('changed', { publicCredential: fixed() }, '?dryRun=true');
    expect(told.body.effects).toMatchObject([
      { kind: 'void-consents' },
      { kind: 'set-secret', detail: '/credential/secret is removed' },
    ]);
    const { body } = await put('changed', { publicCredential: fixed() });
    expect(body.secretsSet).toEqual(['publicCredential.secret']);
  });

  it('goes through the document of the whole registry as a reference', async () => {
    await put('kept', { credential: fixed('canary') });
    const { text } = await ask('GET', '/admin/v1/export');
    const headers = { 'content-type': 'application/yaml' };
    const { status, body } = await ask('POST', '/admin/v1/apply', { body: text, headers });
    const actions = body.results.map(({ action }: { action: string }) => action);
    expect([status, new Set(actions)]).toEqual([200, new Set(['unchanged'])]);
    const other = text.replaceAll('slug: kept', 'slug: new');
    const refused = await ask('POST', '/admin/v1/apply', { body: other, headers });
    expect([refused.status, refused.text]).toEqual([
      422,
      expect.stringContaining('secret-reference'),
    ]);
  });

  it('row 34, registry takeover: it does not follow an upstream to another origin', async () => {
    await put('moved', { credential: fixed('canary') });
    const url = 'http://127.0.0.1:4499/mcp';
    const refused = await put('moved', { credential: fixed(), url });
    expect([refused.status, refused.body.errors]).toMatchObject([
      422,
      [{ pointer: '/credential/secret', code: 'secret-required' }],
    ]);
    expect((await put('moved', { credential: fixed('canary-2'), url })).status).toBe(200);
  });

  it('is write-only in the OpenAPI document', async () => {
    const { body } = await ask('GET', '/openapi.json', { token: null });
    const { credential } = body.components.schemas.upstreams.properties;
    expect(credential.writeOnly).toBeUndefined();
    const alternatives: { properties: Record<string, { writeOnly?: boolean }> }[] =
      credential.oneOf;
    const secret = alternatives.find(({ properties }) => 'secret' in properties);
    expect(secret?.properties['secret']?.writeOnly).toBe(true);
  });
});
