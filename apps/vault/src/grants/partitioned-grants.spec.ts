import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { slow, status } from '#lib/testing/scripted-answer';
import { partitionGrants } from '../../../../migrations/partition-grants.js';
import { PostgresGrantList } from '../admin/postgres-grant-list.js';
import { GrantsFixture } from './grants-fixture.js';
import type { GrantsReplica } from './grants-replica-fixture.js';

let fixture: GrantsFixture;
let one: GrantsReplica;
let two: GrantsReplica;

// As an operator does it: grants are there already, and the vaults that run know nothing of it.
beforeEach(async () => {
  fixture = await GrantsFixture.start();
  one = await fixture.replica();
  two = await fixture.replica();
  for (const person of people) await fixture.grantTo(person, one);
  const report = await partitionGrants(fixture.fresh.url, 8);
  expect(report).toMatchObject({ done: true, grants: people.length, tokens: people.length });
});
afterEach(() => fixture.stop());

const people = Array.from({ length: 12 }, (_, i) => `person-${i}`);
const refreshes = () => fixture.server.count('token', 'refresh_token');

async function idOf(person: string): Promise<string> {
  return (await one.grants.find(fixture.keyOf(person)))?.id ?? '';
}

test('grants of before are found, listed and served, and new ones stored', async () => {
  const grant = await fixture.grantTo('alice', two);
  expect((await fixture.ask('alice', one)).ok).toBe(true);
  for (const person of people) expect((await fixture.ask(person, two)).ok).toBe(true);
  const { issuerId } = fixture.keyOf('alice');
  expect(await two.grants.listOf({ issuerId, subject: 'alice' })).toHaveLength(1);
  expect((await two.grants.byId(grant.id))?.subject).toBe('alice');
  const list = new PostgresGrantList(fixture.database, one.registry);
  const page = await list.list({ issuer: 'corporate' }, { after: '', limit: 50 });
  expect(page.map(({ subject }) => subject).toSorted()).toEqual([...people, 'alice'].toSorted());
  expect(refreshes()).toBe(0);
});

test('consenting again takes the place of the grant, and its one refresh token', async () => {
  const before = await idOf('person-3');
  const again = await fixture.grantTo('person-3', two);
  expect(again.id).toBe(before);
  await fixture.expire(again.id);
  expect((await fixture.ask('person-3', one)).ok).toBe(true);
});

test('R2: 20 callers at each of two replicas and one expired grant: one refresh', async () => {
  await fixture.expire(await idOf('person-1'));
  fixture.server.script('token', slow(200));
  const asked = [one, two].flatMap((replica) =>
    Array.from({ length: 20 }, () => fixture.ask('person-1', replica)),
  );
  expect((await Promise.all(asked)).every(({ ok }) => ok)).toBe(true);
  expect(refreshes()).toBe(1);
});

test('R7: what is due is refreshed once by the background, in all partitions', async () => {
  for (const person of people) await fixture.expire(await idOf(person));
  one.dueScan.start();
  two.dueScan.start();
  await expect.poll(refreshes, { timeout: 10_000 }).toBe(people.length);
  await Promise.all([one, two].map((replica) => replica.dueScan.stop()));
  await Promise.all([one, two].map((replica) => replica.refreshing.drain()));
  expect(fixture.server.families.all.every(({ attempts }) => attempts === 1)).toBe(true);
  for (const person of people) expect((await fixture.ask(person, two)).ok).toBe(true);
});

test('row 39: a failure postpones, invalid_grant ends', async () => {
  const id = await idOf('person-2');
  await fixture.expire(id);
  fixture.server.script('token', status(503));
  expect(await fixture.ask('person-2', one)).toMatchObject({ because: 'unavailable' });
  expect(await fixture.row(id)).toMatchObject({ status: 'active', refresh_failures: 1 });
  await fixture.database.query('UPDATE user_grant SET refresh_paused_until = NULL');
  fixture.server.script('token', status(400, { error: 'invalid_grant' }));
  expect(await fixture.ask('person-2', two)).toMatchObject({ because: 'person-needed' });
  expect((await fixture.row(id))['status']).toBe('needs_consent');
});

test('a token that the upstream rejects is forced once', async () => {
  const first = await fixture.ask('person-4', one);
  if (!first.ok) throw new Error('There is a token.');
  const rejected = createHash('sha256').update(first.token.reveal()).digest();
  const second = await fixture.ask('person-4', two, rejected);
  expect(second.ok && second.token.reveal() !== first.token.reveal()).toBe(true);
  expect(refreshes()).toBe(1);
});

test('R3: disconnecting takes the tokens with it and reaches the provider; suspending reaches all', async () => {
  const id = await idOf('person-5');
  const report = await two.grants.revoke(
    id,
    { kind: 'person', subject: 'person-5' },
    'disconnected',
  );
  expect(report?.atProvider).toBe('revoked');
  const tokens = await fixture.database.query('SELECT FROM access_token WHERE grant_id = $1', [id]);
  expect(tokens).toEqual([]);
  expect(await fixture.ask('person-5', one)).toMatchObject({ purpose: 'connect' });
  const oauthClientId = fixture.ids['snowid'] ?? '';
  const suspended = await one.database.transaction((tx) =>
    one.grants.suspend(tx, { oauthClientId }, 'changed'),
  );
  expect(suspended).toBe(people.length - 1);
});
