import { afterEach, beforeEach, expect, test } from 'vitest';
import { type EndedSince, endedSince } from '#lib/audit-chain/ended-since';
import { PostgresAuditExport } from '../audit/postgres-audit-export.js';
import { PostgresAuditLog } from '../audit/postgres-audit-log.js';
import { GrantsFixture } from '../grants/grants-fixture.js';
import type { GrantsReplica } from '../grants/grants-replica-fixture.js';
import { PostgresReplayFacts } from './postgres-replay-facts.js';
import { admin, RecoveryFixture } from './recovery-fixture.js';
import { ReplayEnds } from './replay-ends.js';

let fixture: GrantsFixture;
let replica: GrantsReplica;
let recovery: RecoveryFixture;
let ends: ReplayEnds;

beforeEach(async () => {
  fixture = await GrantsFixture.start({ rotation: { kind: 'none' } });
  replica = await fixture.replica();
  recovery = new RecoveryFixture(fixture, replica);
  const { database, grants, consents, registry } = replica;
  ends = new ReplayEnds({
    ...{ database, grants, consents, registry },
    facts: new PostgresReplayFacts(database),
    audit: new PostgresAuditLog(),
  });
});
afterEach(() => fixture.stop());

const logSince = (since?: string): Promise<EndedSince> =>
  endedSince(new PostgresAuditExport(fixture.database).lines(), since);
const revoke = (id: string) => replica.grants.revoke(id, admin.actor, 'by the person');
const consentOf = (subject: string) => ({
  issuerId: fixture.ids['corporate'] ?? '',
  subject,
  application: 'assistant',
  consumer: 'gateway',
  upstreamId: fixture.ids['snowdemo'] ?? '',
});
const consent = (subject: string) =>
  replica.database.transaction((tx) =>
    replica.consents.record(tx, consentOf(subject), ['read'], 3600),
  );

test('R3: what was revoked after the backup is revoked again, and what was given again since stands', async () => {
  const ann = await fixture.grantTo('ann', replica);
  const bea = await fixture.grantTo('bea', replica);
  const cid = await fixture.grantTo('cid', replica);
  await recovery.backUp();
  for (const { id } of [ann, bea, cid]) await revoke(id);
  // Within the life of the log: her last word is yes.
  await fixture.grantTo('bea', replica);
  const late = await fixture.grantTo('dan', replica);
  await revoke(late.id);
  const log = await logSince();
  await recovery.restore();
  // After the restore, before the replay.
  await fixture.grantTo('cid', replica);

  expect(await fixture.ask('ann', replica)).toMatchObject({ ok: true });
  expect((await ends.replay(log, admin)).grants).toEqual({
    ...{ revoked: 1, already: 0, reconnected: 1, unknown: 1 },
  });
  expect(await fixture.ask('ann', replica)).toMatchObject({ because: 'person-needed' });
  expect(await fixture.ask('bea', replica)).toMatchObject({ ok: true });
  expect(await fixture.ask('cid', replica)).toMatchObject({ ok: true });
  const again = await ends.replay(log, admin);
  expect(again.grants).toMatchObject({ revoked: 0, already: 1 });
});

test('a consent that was taken back after the backup is taken back again', async () => {
  const given = await consent('ann');
  await consent('bea');
  await recovery.backUp();
  for (const subject of ['ann', 'bea']) {
    const actor = { kind: 'person' as const, issuer: 'corporate', subject };
    const target = { upstream: 'snowdemo', application: 'assistant', consumer: 'gateway' };
    await replica.database.transaction((tx) =>
      new PostgresAuditLog().record(tx, {
        ...{ action: 'consent.removed', outcome: 'success', actor, target },
      }),
    );
  }
  const log = await logSince(given.createdAt.toISOString());
  await recovery.restore();
  await consent('bea');
  expect((await ends.replay(log, admin)).consents).toEqual({
    ...{ removed: 1, already: 0, 'given-again': 1 },
  });
  expect(await replica.consents.find(consentOf('ann'))).toBeUndefined();
  expect(await replica.consents.find(consentOf('bea'))).toBeDefined();
  expect((await ends.replay(log, admin)).consents).toMatchObject({ removed: 0, already: 1 });
});

test('what the log tells from before the backup is left alone', async () => {
  const ann = await fixture.grantTo('ann', replica);
  await revoke(ann.id);
  const [row] = await fixture.database.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  const log = await logSince(new Date((row?.now.getTime() ?? 0) + 1_000).toISOString());
  expect(log).toEqual({ grants: [], consents: [], people: [], registry: [] });
});
