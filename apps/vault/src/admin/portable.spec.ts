import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { readBootstrapFile } from '../registry/bootstrap-file.js';
import { AdminFixture, upstreamBody } from './admin-fixture.js';

const yaml = { 'content-type': 'application/yaml' };
let vault: AdminFixture;
const ask: AdminFixture['ask'] = (...given) => vault.ask(...given);

beforeAll(async () => {
  vault = await AdminFixture.start();
  await vault.registerAll();
});
afterAll(() => vault.stop());

describe('the registry as one document', () => {
  it('comes out with references instead of secrets and goes in again unchanged', async () => {
    const { text, headers } = await ask('GET', '/admin/v1/export');
    expect(headers.get('content-type')).toContain('application/yaml');
    expect(text).not.toContain('canary');
    const document = parse(text);
    expect(document).toMatchObject({
      apiVersion: 'symbolon/v1',
      issuers: [{ login: { clientSecret: { env: 'ISSUERS_CORPORATE_LOGIN_CLIENT_SECRET' } } }],
      'oauth-clients': [{ clientSecret: { env: 'OAUTH_CLIENTS_SNOW_CLIENT_SECRET' } }],
    });
    const { status, body } = await ask('POST', '/admin/v1/apply', { body: text, headers: yaml });
    expect(status).toBe(200);
    expect(body.results.map(({ action }: { action: string }) => action)).toEqual(
      Array.from({ length: 5 }, () => 'unchanged'),
    );
  });

  it('goes in as a whole or not at all, with pointers into the document', async () => {
    const document = {
      apiVersion: 'symbolon/v1',
      upstreams: [
        { slug: 'fine', ...upstreamBody },
        { slug: 'bad', ...upstreamBody, name: '', credential: { type: 'none' } },
      ],
    };
    const refused = await ask('POST', '/admin/v1/apply', { body: document });
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toMatchObject([{ pointer: '/upstreams/1/name' }]);
    expect((await ask('GET', '/admin/v1/upstreams/fine')).status).toBe(404);
  });

  it('lets later entries refer to earlier ones, in a dry run too', async () => {
    const document = {
      apiVersion: 'symbolon/v1',
      upstreams: [
        { slug: 'new', ...upstreamBody, credential: { type: 'oauth', oauthClient: 'c' } },
      ],
      'oauth-clients': [{ slug: 'c', name: 'C', issuer: vault.issuer.issuer }],
    };
    const told = await ask('POST', '/admin/v1/apply?dryRun', {
      body: stringify(document),
      headers: yaml,
    });
    expect(told.body).toMatchObject({
      dryRun: true,
      results: [{ collection: 'oauth-clients', action: 'created' }, { collection: 'upstreams' }],
    });
    expect((await ask('GET', '/admin/v1/upstreams/new')).status).toBe(404);
  });

  it('never reads a file or a variable for somebody who sends a document', async () => {
    const client = { slug: 'thief', name: 'T', issuer: vault.issuer.issuer, clientId: 'x' };
    for (const clientSecret of [{ file: '/etc/hostname' }, { env: 'PATH' }]) {
      const document = {
        apiVersion: 'symbolon/v1',
        'oauth-clients': [{ ...client, clientSecret }],
      };
      const refused = await ask('POST', '/admin/v1/apply', { body: document });
      expect(refused.body.errors).toMatchObject([
        { pointer: '/oauth-clients/0/clientSecret', code: 'secret-reference' },
      ]);
    }
  });

  it.each([
    ['another version', { apiVersion: 'v2' }, '/apiVersion'],
    ['an unknown collection', { apiVersion: 'symbolon/v1', users: [] }, '/users'],
    ['no list', { apiVersion: 'symbolon/v1', issuers: {} }, '/issuers'],
    ['no slug', { apiVersion: 'symbolon/v1', issuers: [{}] }, '/issuers/0/slug'],
  ])('refuses %s', async (_, body, pointer) => {
    const refused = await ask('POST', '/admin/v1/apply', { body });
    expect(refused.body.errors).toMatchObject([{ pointer }]);
  });

  it('refuses text that is no YAML without quoting it', async () => {
    const refused = await ask('POST', '/admin/v1/apply', { body: 'a: b: canary', headers: yaml });
    expect(refused.status).toBe(400);
    expect(refused.text).not.toContain('canary');
  });
});

describe('the bootstrap file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bootstrap-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (document: object): string => {
    const path = join(folder, 'registry.yaml');
    writeFileSync(path, stringify(document));
    return path;
  };

  it('is applied at each start with its secrets, and wins over what was changed since', async () => {
    writeFileSync(join(folder, 'secret'), 'canary-from-file\n');
    const oauthClient = { slug: 'snow', name: 'Snow', issuer: vault.issuer.issuer, clientId: 's' };
    const path = file({
      apiVersion: 'symbolon/v1',
      'oauth-clients': [{ ...oauthClient, clientSecret: [{ env: 'SNOW' }, { file: 'secret' }] }],
    });
    const { requests, problems } = readBootstrapFile(path, { SNOW: 'canary-from-env' });
    expect(problems).toEqual([]);
    const first = await AdminFixture.start({ bootstrap: requests });
    const { body } = await first.ask('GET', '/admin/v1/oauth-clients/snow');
    expect(body).toMatchObject({ name: 'Snow', secretsSet: ['clientSecret'] });
    expect(first.logged.join('')).not.toContain('canary');
    await first.stop();
  });

  it('names everything that is wrong with it', () => {
    const path = file({
      apiVersion: 'symbolon/v1',
      'oauth-clients': [
        { slug: 'a', clientSecret: { env: 'NOT_THERE' } },
        { slug: 'b', clientSecret: { file: 'not-there' } },
      ],
    });
    expect(readBootstrapFile(path, {}).problems).toEqual([
      '/oauth-clients/0/clientSecret: the variable NOT_THERE holds no value',
      '/oauth-clients/1/clientSecret: the file not-there holds no value',
    ]);
    expect(readBootstrapFile(join(folder, 'none'), {}).problems).toHaveLength(1);
    expect(readBootstrapFile(file({ apiVersion: 'v0' }), {}).problems).toHaveLength(1);
  });
});
