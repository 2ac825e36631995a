import { afterEach, beforeEach, expect, test } from 'vitest';
import { Secret } from '#lib/secret/secret';
import { altered } from '#lib/testing/scripted-answer';
import { PostgresGrantList } from '../admin/postgres-grant-list.js';
import { GrantsFixture } from './grants-fixture.js';
import type { GrantsReplica } from './grants-replica-fixture.js';

let fixture: GrantsFixture;
let vault: GrantsReplica;

beforeEach(async () => {
  fixture = await GrantsFixture.start();
  vault = await fixture.replica();
});
afterEach(() => fixture.stop());

/** The oauth client of the fixture, from now on one of a template, at the same server. */
async function takeTemplate(): Promise<void> {
  const { issuer } = fixture.server;
  const document = {
    slug: 'snowid',
    name: 'Snow',
    template: 'salesforce',
    endpoints: { authorization: `${issuer}/authorize`, token: `${issuer}/token` },
    clientId: 'vault-at-snow',
    scopes: ['offline_access', 'read'],
  };
  await fixture.database.query(
    'UPDATE registry_resource SET document = $2, version = version + 1 WHERE id = $1',
    [fixture.ids['snowid'], JSON.stringify(document)],
  );
  await fixture.database.query('UPDATE registry_version SET version = version + 1');
  await vault.registry.refresh();
}

async function refreshed(): Promise<unknown> {
  const { id } = await fixture.grantTo('alice', vault);
  await fixture.database.query(`UPDATE user_grant SET metadata = '{"realmId":"9"}' WHERE id = $1`, [
    id,
  ]);
  await fixture.expire(id);
  expect((await fixture.ask('alice', vault)).ok).toBe(true);
  return (await fixture.row(id))['metadata'];
}

test('what the consent brought is kept with the grant and shown, and a new consent takes its place', async () => {
  const tokens = {
    accessToken: new Secret('at'),
    refreshToken: undefined,
    tokenType: 'Bearer',
    issuedAt: Date.now() / 1000,
    expiresAt: undefined,
    scopes: [],
    idTokenClaims: undefined,
    metadata: { realmId: '9130350' },
  };
  const wanted = { scopes: [], resource: undefined };
  const { id } = await vault.database.transaction((tx) =>
    vault.grants.store(tx, fixture.keyOf('alice'), tokens, undefined, wanted),
  );
  const shown = await new PostgresGrantList(fixture.database, vault.registry).byId(id);
  expect(shown?.metadata).toEqual({ realmId: '9130350' });
  await fixture.grantTo('alice', vault);
  expect((await fixture.row(id))['metadata']).toEqual({});
});

test('a refresh adds what its answer says, and loses nothing', async () => {
  await takeTemplate();
  const told = { instance_url: 'https://example.my.salesforce.com' };
  fixture.server.always('token', altered(told));
  expect(await refreshed()).toEqual({
    realmId: '9',
    instanceUrl: 'https://example.my.salesforce.com',
  });
});

test('an address that leads elsewhere than the template allows is not kept', async () => {
  await takeTemplate();
  fixture.server.always('token', altered({ instance_url: 'https://evil.example' }));
  expect(await refreshed()).toEqual({ realmId: '9' });
});
