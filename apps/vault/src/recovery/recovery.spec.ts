import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { status } from '#lib/testing/scripted-answer';
import { markDatabaseRestored } from '../../../../migrations/mark-restored.js';
import { GrantsFixture } from '../grants/grants-fixture.js';
import type { GrantsReplica } from '../grants/grants-replica-fixture.js';
import { PostgresGrantList } from '../admin/postgres-grant-list.js';
import type { Rotation } from '#lib/testing/refresh-families';
import { admin, RecoveryFixture } from './recovery-fixture.js';

let fixture: GrantsFixture;
let replica: GrantsReplica;
let other: GrantsReplica;
let recovery: RecoveryFixture;
let countedBefore = 0;

beforeAll(async () => {
  fixture = await GrantsFixture.start();
  replica = await fixture.replica();
  other = await fixture.replica();
  recovery = new RecoveryFixture(fixture, replica);
});
afterAll(() => fixture.stop());

/** A provider of this kind, and nobody who has granted anything. */
async function begin(rotation: Rotation = { kind: 'strict' }): Promise<void> {
  fixture.server.families.rotation = rotation;
  await recovery.forget();
  countedBefore = fixture.server.count('token', 'refresh_token');
}

/** Grants to these people, of whom some have used theirs (and rotated) since the backup, which is then restored. */
async function restored(people: readonly string[], rotated: readonly string[]) {
  const ids = new Map<string, string>();
  for (const person of people) ids.set(person, (await fixture.grantTo(person, replica)).id);
  await recovery.backUp();
  for (const person of rotated) {
    await fixture.expire(ids.get(person) ?? '');
    expect(await fixture.ask(person, replica)).toMatchObject({ ok: true });
  }
  await recovery.restore();
  return (person: string) => ids.get(person) ?? '';
}

const refreshes = () => fixture.server.count('token', 'refresh_token') - countedBefore;
const webhooks = async (id: string) =>
  fixture.database.query(
    `SELECT detail->>'reason' AS reason FROM audit_event WHERE action = 'grant.needs_consent' AND target->>'grantId' = $1`,
    [id],
  );

describe('a database that was restored from a backup', () => {
  test('is marked before a vault starts: nothing is refreshed, and a valid token goes on being handed out', async () => {
    await begin();
    const idOf = await restored(['ann', 'bea'], ['ann', 'bea']);
    await markDatabaseRestored(fixture.fresh.url, '2026-11-21T08:00:00Z');
    await fixture.expire(idOf('ann'));
    const asked = refreshes();
    await replica.dueScan.scan();
    await replica.refreshing.drain();
    expect(await fixture.ask('ann', replica)).toMatchObject({ ok: false, because: 'unavailable' });
    expect(await fixture.ask('bea', replica)).toMatchObject({ ok: true });
    expect(refreshes()).toBe(asked);
    expect(await recovery.newest()).toMatchObject({
      state: 'held',
      backupTime: new Date('2026-11-21T08:00:00Z'),
    });
    // A backup that was made during a recovery: what that one found says nothing any more.
    await recovery.start();
    await recovery.tests.step();
    await markDatabaseRestored(fixture.fresh.url);
    expect(await recovery.newest()).toMatchObject({ state: 'held', backupTime: undefined });
  });

  test('the tests find the dead, who need their person once, and set the others free', async () => {
    await begin();
    const idOf = await restored(['ann', 'bea', 'cid'], ['ann']);
    await markDatabaseRestored(fixture.fresh.url);
    for (const person of ['ann', 'bea', 'cid']) await fixture.expire(idOf(person));
    const asked = refreshes();
    await recovery.start();
    const done = await recovery.run();
    expect(done).toMatchObject({
      state: 'finished',
      providers: [{ alive: 2, dead: 1, waiting: 0, state: 'finished' }],
    });
    expect(refreshes() - asked).toBe(3);
    expect(await fixture.ask('ann', replica)).toMatchObject({
      because: 'person-needed',
      purpose: 'reconnect',
    });
    expect(await fixture.ask('bea', replica)).toMatchObject({ ok: true });
    expect(await webhooks(idOf('ann'))).toEqual([{ reason: 'restored_backup' }]);
    expect(await webhooks(idOf('bea'))).toEqual([]);
    expect((await fixture.row(idOf('bea')))['refresh_after']).not.toBeNull();
    const list = new PostgresGrantList(fixture.database, replica.registry);
    expect(await list.byId(idOf('ann'))).toMatchObject({ problem: { code: 'restored_backup' } });
  });

  test('a provider with a grace forgives what was used shortly before', async () => {
    await begin({ kind: 'grace', graceMs: 60_000 });
    await restored(['ann'], ['ann']);
    await recovery.start();
    expect(await recovery.run()).toMatchObject({ providers: [{ alive: 1, dead: 0 }] });
  });

  test('whoever is waited for is tested first', async () => {
    await begin();
    const people = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'];
    const idOf = await restored(people, []);
    await recovery.start();
    expect(await recovery.tests.step()).toBe('more');
    await recovery.tests.step();
    const last = await fixture.database.query<{ subject: string }>(
      'SELECT subject FROM recovery_grant ORDER BY grant_id DESC LIMIT 1',
    );
    const waiting = last[0]?.subject ?? '';
    await fixture.expire(idOf(waiting));
    expect(await fixture.ask(waiting, replica)).toMatchObject({ because: 'unavailable' });
    await recovery.tests.step();
    await recovery.tests.drain();
    expect(await fixture.ask(waiting, replica)).toMatchObject({ ok: true });
    expect(await recovery.newest()).toMatchObject({ providers: [{ alive: 1, waiting: 5 }] });
  });
});

describe('the tests of a recovery', () => {
  const many = Array.from({ length: 12 }, (_, n) => `person-${n}`);

  test('stop for a provider whose tokens are mostly dead, until an administrator confirms', async () => {
    await begin();
    await restored(many, many);
    const { id } = await recovery.start();
    const stopped = await recovery.run();
    expect(stopped).toMatchObject({
      state: 'running',
      providers: [{ state: 'stopped', dead: 10, waiting: 2 }],
    });
    expect(await fixture.audited('recovery.provider_stopped')).toBe(1);
    await recovery.requests.goOn(id, 'snowid', admin);
    expect(await recovery.run()).toMatchObject({
      state: 'finished',
      providers: [{ dead: 12, waiting: 0 }],
    });
    await expect(recovery.requests.goOn(id, undefined, admin)).rejects.toThrow(/conflict/);
  });

  test('keep the pace of a provider over all replicas', async () => {
    await begin();
    await restored(many, []);
    const beside = new RecoveryFixture(fixture, other);
    await recovery.start({ ratePerMinute: 1 });
    for (let round = 0; round < 10; round += 1)
      await Promise.all([recovery.tests.step(), beside.tests.step()]);
    await Promise.all([recovery.tests.drain(), beside.tests.drain()]);
    expect(refreshes()).toBe(1);
    const all = await recovery.newest();
    expect(all).toMatchObject({ state: 'running', providers: [{ alive: 1, waiting: 11 }] });
  });

  test('R2: two replicas never test one grant twice, and no grant is tested beside its refresh', async () => {
    await begin();
    const idOf = await restored(many, []);
    const beside = new RecoveryFixture(fixture, other);
    await recovery.start();
    for (const person of many) await fixture.expire(idOf(person));
    const callers = many.map((person) => fixture.ask(person, replica));
    await Promise.all([recovery.run(), beside.run(), ...callers]);
    expect(await recovery.newest()).toMatchObject({
      state: 'finished',
      providers: [{ alive: 12 }],
    });
    expect(refreshes()).toBe(12);
    const families = fixture.server.families.all.slice(-many.length);
    expect(families.every(({ reuses, overlaps }) => reuses + overlaps === 0)).toBe(true);
  });

  test('R8, transient faults destroy nothing: a provider that fails is asked again, and nobody is given up', async () => {
    await begin();
    await restored(['ann'], []);
    fixture.server.script('token', status(503, {}, { 'retry-after': '1' }));
    await recovery.start();
    const failing = await recovery.run();
    expect(failing).toMatchObject({
      state: 'running',
      providers: [{ failures: 1, waiting: 1, dead: 0 }],
    });
    await fixture.database.query('UPDATE recovery_grant SET not_before = now()');
    await fixture.database.query('UPDATE recovery_provider SET next_test_at = now()');
    await fixture.database.query('UPDATE user_grant SET refresh_paused_until = NULL');
    expect(await recovery.run()).toMatchObject({ state: 'finished', providers: [{ alive: 1 }] });
  });

  test('R1, a crash after the test: another replica notes what came of it, and uses no token again', async () => {
    await begin();
    const crash = new Error('killed here');
    const dying = new RecoveryFixture(fixture, replica, () => {
      throw crash;
    });
    await restored(['ann', 'bea'], ['ann']);
    await dying.start();
    for (let round = 0; round < 50 && refreshes() < 3; round += 1) {
      await dying.tests.step();
      await dying.tests.drain();
    }
    expect(await dying.newest()).toMatchObject({ providers: [{ waiting: 2, alive: 0, dead: 0 }] });
    const asked = refreshes();
    await fixture.database.query('UPDATE recovery_grant SET not_before = now()');
    const after = new RecoveryFixture(fixture, other);
    expect(await after.run()).toMatchObject({
      state: 'finished',
      providers: [{ alive: 1, dead: 1 }],
    });
    expect(refreshes()).toBe(asked);
  });

  test('R3: a grant that is revoked before its turn is not tested, and stays revoked', async () => {
    await begin();
    const idOf = await restored(['ann'], []);
    await recovery.start();
    await recovery.tests.step();
    await recovery.tests.step();
    await replica.grants.revoke(idOf('ann'), admin.actor, 'by the person');
    expect(await recovery.run()).toMatchObject({ state: 'finished', providers: [{ gone: 1 }] });
    expect(refreshes()).toBe(0);
    expect((await fixture.row(idOf('ann')))['status']).toBe('revoked');
  });

  test('may be stopped, and what was not tested stays held; or given up, and it is refreshed as before', async () => {
    await begin();
    const idOf = await restored(['ann', 'bea'], []);
    const { id } = await recovery.start();
    await expect(recovery.start()).rejects.toThrow(/conflict/);
    await recovery.tests.step();
    await recovery.tests.step();
    await recovery.requests.stop(id, false, admin);
    expect(await recovery.run()).toMatchObject({ state: 'stopped' });
    await fixture.expire(idOf('ann'));
    expect(await fixture.ask('ann', replica)).toMatchObject({ because: 'unavailable' });
    await recovery.requests.stop(id, true, admin);
    expect(await fixture.ask('ann', replica)).toMatchObject({ ok: true });
    expect((await fixture.row(idOf('bea')))['refresh_after']).not.toBeNull();
    expect(await recovery.newest()).toMatchObject({ state: 'finished' });
  });

  // The last one: the registration stays like this.
  test('what a provider never replaces is not held at all', async () => {
    await begin({ kind: 'none' });
    const idOf = await restored(['ann'], ['ann']);
    await fixture.database.query(
      `UPDATE registry_resource SET document = document || '{"refresh":{"rotation":"never"}}' WHERE slug = 'snowid'`,
    );
    await fixture.database.query('UPDATE registry_version SET version = version + 1');
    await recovery.start();
    expect(await recovery.run()).toMatchObject({ state: 'finished', providers: [] });
    await fixture.expire(idOf('ann'));
    expect(await fixture.ask('ann', replica)).toMatchObject({ ok: true });
  });
});
