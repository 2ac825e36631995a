import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '#lib/observability/logger';
import { Outbound } from '#lib/outbound/outbound';
import { Problem } from '#lib/problem/problem';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import { TestIssuer } from '#lib/testing/test-issuer';
import type { PublishedEvent } from '#lib/contract/events';
import { PostgresAuditLog } from '../audit/postgres-audit-log.js';
import { PostgresDatabase } from '../database/postgres-database.js';
import { KeyRingSealer } from '../sealing/key-ring-sealer.js';
import { readKeyRing } from '../sealing/read-key-ring.js';
import { PostgresSealingKeyStore } from '../sealing/postgres-sealing-key-store.js';
import { collections } from './collections.js';
import type { CollectionName } from './domain/collection.js';
import { PostgresRegistryStore } from './postgres-registry-store.js';
import type { ChangeRequest } from './change-request.js';
import { RegistryWriter } from './registry-writer.js';
import { ResourceChecks } from './resource-checks.js';
import { StoredRegistry } from './stored-registry.js';

const bootstrap = { actor: { kind: 'admin' as const }, bootstrap: true };
const admin = { actor: { kind: 'admin' as const, subject: 'root' }, bootstrap: false };

let fresh: FreshDatabase;
let database: PostgresDatabase;
let outbound: Outbound;
let issuer: TestIssuer;
let store: PostgresRegistryStore;
let registry: StoredRegistry;
let writer: RegistryWriter;
let published: PublishedEvent[];
let reactions: string[];

beforeEach(async () => {
  fresh = await freshDatabase();
  database = new PostgresDatabase({ url: fresh.vaultUrl, purpose: 'test', maxConnections: 4 });
  outbound = new Outbound({ mode: 'development', allow: [] });
  issuer = await TestIssuer.start();
  const ring = readKeyRing('env:RING', false, { RING: randomBytes(32).toString('base64url') });
  const sealer = new KeyRingSealer(new PostgresSealingKeyStore(database), ring);
  await sealer.unseal();
  store = new PostgresRegistryStore(database, sealer);
  published = [];
  reactions = [];
  registry = new StoredRegistry(
    store,
    { onEvent: () => () => undefined },
    createLogger({ app: 'test', level: 'silent' }),
  );
  await registry.start();
  const reacts = (name: string) => () => Promise.resolve(reactions.push(name));
  writer = new RegistryWriter({
    database,
    store,
    registry,
    checks: new ResourceChecks(outbound, 'https://vault.example'),
    effects: {
      grants: {
        suspend: (_tx, where) =>
          Promise.resolve(reactions.push(`grants ${'moved' in where ? 'forgotten' : 'suspended'}`)),
      },
      consents: { voidAll: reacts('consents voided') },
      sessions: { endAll: reacts('sessions ended') },
      dependents: { living: () => Promise.resolve([]), forget: () => Promise.resolve() },
    },
    audit: new PostgresAuditLog(),
    events: { publish: (_tx, event) => Promise.resolve(void published.push(event)) },
  });
});

afterEach(async () => {
  registry.stop();
  await issuer.stop();
  await outbound.close();
  await database.close();
  await fresh.drop();
});

async function put(
  name: CollectionName,
  slug: string,
  body: object,
  more?: Partial<ChangeRequest>,
) {
  const request = { collection: collections[name], method: 'put' as const, slug, body, ...more };
  const [report] = await writer.change([request], bootstrap, { dryRun: false });
  return report!;
}

async function refusal(work: Promise<unknown>): Promise<Problem> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Problem);
  return error as Problem;
}

const issuerBody = () => ({
  issuer: issuer.issuer,
  login: { clientId: 'vault', clientSecret: 'login-secret' },
});
const clientBody = () => ({
  name: 'Snow',
  issuer: issuer.issuer,
  clientId: 'symbolon',
  clientSecret: 'first-secret',
});
const upstreamBody = (oauthClient = 'snow') => ({
  name: 'Snow demo',
  type: 'mcp',
  url: 'http://127.0.0.1:4400/mcp',
  credential: { type: 'oauth', oauthClient },
});

async function registerAll(): Promise<void> {
  await put('issuers', 'corp', issuerBody());
  await put('oauth-clients', 'snow', clientBody());
  await put('upstreams', 'snowdemo', upstreamBody());
}

describe('the registry', () => {
  it('fills in jwksUri by discovery and is seen by readers at once', async () => {
    await put('issuers', 'corp', issuerBody());
    const stored = registry.current().issuer('corp');
    expect(stored?.document.jwksUri).toBe(issuer.jwksUri);
    expect(stored?.document.login).toEqual({ clientId: 'vault', scopes: ['openid', 'profile'] });
    expect(registry.current().issuerById(stored!.id)).toBe(stored);
  });

  it('keeps secrets sealed and gives them back newest first', async () => {
    await put('oauth-clients', 'snow', { ...clientBody(), clientSecret: ['new', 'old'] });
    const { id } = registry.current().oauthClient('snow')!;
    const values = await registry.secrets(id, 'clientSecret');
    expect(values.map((value) => value.reveal())).toEqual(['new', 'old']);
    const dump = JSON.stringify(await database.query('SELECT * FROM registry_resource'));
    expect(dump).not.toContain('"new"');
  });

  it('changes nothing when the same is put again', async () => {
    await registerAll();
    const { version } = await store.load();
    const events = published.length;
    for (const work of [
      put('issuers', 'corp', issuerBody()),
      put('oauth-clients', 'snow', clientBody()),
    ])
      expect((await work).action).toBe('unchanged');
    expect((await store.load()).version).toBe(version);
    expect(published).toHaveLength(events);
  });

  it('records each change with its pointers and publishes the new version', async () => {
    await registerAll();
    await put('upstreams', 'snowdemo', { ...upstreamBody(), timeoutMs: 1000 });
    const [last] = await database.query(
      'SELECT action, target, detail FROM audit_event ORDER BY sequence DESC LIMIT 1',
    );
    expect(last).toMatchObject({
      action: 'registry.updated',
      target: { collection: 'upstreams', slug: 'snowdemo' },
      detail: { changed: ['/timeoutMs'] },
    });
    expect(published.at(-1)).toEqual({
      type: 'config',
      version: String((await store.load()).version),
    });
  });

  it('undoes a dry run after telling what it would have done', async () => {
    await registerAll();
    const { version } = await store.load();
    const request = {
      collection: collections['oauth-clients'],
      method: 'patch' as const,
      slug: 'snow',
      body: { endpoints: null, issuer: 'http://127.0.0.1:9/other', clientSecret: 'again' },
    };
    const [report] = await writer.change([request], bootstrap, { dryRun: true });
    expect(report?.changes.map(({ pointer }) => pointer)).toEqual(['/issuer']);
    expect(report?.effects.map(({ kind }) => kind)).toContain('suspend-grants');
    expect((await store.load()).version).toBe(version);
  });

  it('row 34, stealing a secret by editing the token URL: the secret must be given again', async () => {
    await registerAll();
    const patch = (body: object) =>
      writer.change(
        [{ collection: collections['oauth-clients'], method: 'patch', slug: 'snow', body }],
        admin,
        { dryRun: false },
      );
    const endpoints = {
      authorization: 'http://127.0.0.1:9/authorize',
      token: 'http://127.0.0.1:9/token',
    };
    const refused = await refusal(patch({ issuer: null, endpoints }));
    expect(refused.code).toBe('validation-failed');
    expect(refused.errors).toMatchObject([{ pointer: '/clientSecret', code: 'secret-required' }]);
    expect(reactions).toEqual([]);
    await patch({ issuer: null, endpoints, clientSecret: 'first-secret' });
    expect(reactions).toEqual(['grants forgotten']);
    await patch({ clientId: 'another' });
    expect(reactions).toEqual(['grants forgotten', 'grants suspended']);
  });

  it.each([
    ['jwksUri', { jwksUri: 'http://127.0.0.1:9/jwks' }],
    ['alsoIssuedAs', { alsoIssuedAs: ['https://evil.example'] }],
    ['login.clientId', { login: { clientId: 'evil' } }],
  ])(
    'row 10, registry takeover: only the bootstrap token changes %s, and sessions end',
    async (_, body) => {
      await registerAll();
      const patch = {
        collection: collections.issuers,
        method: 'patch' as const,
        slug: 'corp',
        body,
      };
      expect((await refusal(writer.change([patch], admin, { dryRun: false }))).code).toBe(
        'forbidden',
      );
      await writer.change([patch], bootstrap, { dryRun: false });
      expect(reactions).toEqual(['sessions ended']);
    },
  );

  it.each([
    ['issuer', () => ({ issuer: 'https://other.example' })],
    ['subjectClaim', () => ({ subjectClaim: 'oid' })],
  ])('row 10, registry takeover: %s of an issuer never changes', async (member, body) => {
    await registerAll();
    const refused = await refusal(
      put('issuers', 'corp', { ...issuerBody(), jwksUri: issuer.jwksUri, ...body() }),
    );
    expect(refused.errors).toMatchObject([{ pointer: `/${member}`, code: 'immutable' }]);
  });

  it.each([
    ['origin', { url: 'http://127.0.0.1:4401/mcp' }],
    ['inject', { inject: { header: 'X-Api-Token' } }],
    ['credential', { credential: { type: 'none' } }],
  ])('row 10, registry takeover: another %s of an upstream voids its consents', async (_, body) => {
    await registerAll();
    await put('upstreams', 'snowdemo', { ...upstreamBody(), ...body });
    expect(reactions).toEqual(['consents voided']);
  });

  it('keeps the consents of an upstream whose path alone changes', async () => {
    await registerAll();
    await put('upstreams', 'snowdemo', { ...upstreamBody(), url: 'http://127.0.0.1:4400/v2' });
    expect(reactions).toEqual([]);
  });

  it('refuses to delete what others name, and names them', async () => {
    await registerAll();
    const remove = {
      collection: collections['oauth-clients'],
      method: 'delete' as const,
      slug: 'snow',
    };
    const refused = await refusal(writer.change([remove], bootstrap, { dryRun: false }));
    expect(refused.code).toBe('in-use');
    expect(refused.extra['referrers']).toEqual([
      { collection: 'upstreams', slug: 'snowdemo', pointer: '/credential/oauthClient' },
    ]);
  });

  it('lets 20 parallel writers of two replicas each have their change', async () => {
    const other = new RegistryWriter({ ...writer['parts'] });
    const slugs = Array.from({ length: 20 }, (_, index) => `c${index}`);
    await Promise.all(
      slugs.map((slug, index) =>
        (index % 2 ? writer : other).change(
          [
            {
              collection: collections['oauth-clients'],
              method: 'create',
              body: {
                slug,
                name: slug,
                endpoints: { authorization: 'http://127.0.0.1:9/a', token: 'http://127.0.0.1:9/t' },
              },
            },
          ],
          bootstrap,
          { dryRun: false },
        ),
      ),
    );
    expect(
      registry
        .current()
        .oauthClients.map((client) => client.document.slug)
        .sort(),
    ).toEqual([...slugs].sort());
  });
});

describe('what an issuer must be', () => {
  it('refuses an issuer that calls itself otherwise', async () => {
    const refused = await refusal(
      put('issuers', 'corp', { ...issuerBody(), issuer: `${issuer.issuer}/` }),
    );
    expect(refused.errors).toMatchObject([{ pointer: '/issuer', code: 'discovery-invalid' }]);
  });

  it('refuses sub where the issuer gives each client another one', async () => {
    const pairwise = await TestIssuer.start('pairwise');
    const body = { issuer: pairwise.issuer, login: { clientId: 'vault' } };
    const refused = await refusal(put('issuers', 'corp', body));
    expect(refused.errors).toMatchObject([{ pointer: '/subjectClaim', code: 'pairwise-subject' }]);
    await put('issuers', 'corp', { ...body, subjectClaim: 'oid' });
    await pairwise.stop();
  });

  it.each(['email', '/email', '/profile/upn', 'upn', 'preferred_username'])(
    'refuses %s as the subject',
    async (subjectClaim) => {
      const refused = await refusal(put('issuers', 'corp', { ...issuerBody(), subjectClaim }));
      expect(refused.errors).toMatchObject([{ pointer: '/subjectClaim' }]);
    },
  );

  it('refuses an issuer that cannot be reached, unless its keys are named', async () => {
    const body = { issuer: 'http://127.0.0.1:9', login: { clientId: 'vault' } };
    const refused = await refusal(put('issuers', 'corp', body));
    expect(refused.errors).toMatchObject([{ pointer: '/issuer', code: 'discovery-failed' }]);
    const report = await put('issuers', 'corp', { ...body, jwksUri: 'http://127.0.0.1:9/jwks' });
    expect(report.effects.map(({ kind }) => kind)).toContain('warning');
  });

  it('never lets an admin audience open the gateway', async () => {
    const adminRule = {
      audience: 'https://gw.example',
      roles: [{ role: 'admin', claim: 'groups', includes: 'it' }],
    };
    const refused = await refusal(
      put('issuers', 'corp', {
        ...issuerBody(),
        audiences: ['https://gw.example'],
        admin: adminRule,
      }),
    );
    expect(refused.errors?.map(({ pointer }) => pointer).sort()).toEqual([
      '/admin/audience',
      '/audiences/0',
    ]);
  });
});

describe('what is left for later', () => {
  it.each([
    ['oauth-clients', { name: 'x', clientAuth: 'client_secret_jwt' }, '/clientAuth'],
  ] as const)('refuses %s with a later part by its name', async (name, body, pointer) => {
    const refused = await refusal(put(name, 'one', body));
    expect(refused.code).toBe('not-supported');
    expect(refused.errors).toMatchObject([{ pointer, code: 'not-supported' }]);
  });

  it('row 32, confused deputy: a service cannot pass for the gateways that people consented to', async () => {
    const body = { kind: 'service', jwks: { keys: [{ kty: 'EC' }] } };
    const refused = await refusal(put('machine-clients', 'gateway', body));
    expect(refused.errors).toMatchObject([{ pointer: '/slug', code: 'reserved' }]);
  });

  it('row 38, mass assignment: an unknown field is refused with its pointer', async () => {
    const refused = await refusal(put('issuers', 'corp', { ...issuerBody(), isAdmin: true }));
    expect(refused.errors).toMatchObject([{ pointer: '/isAdmin', code: 'unknown-field' }]);
  });
});
