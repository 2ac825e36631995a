import { beforeEach, describe, expect, it } from 'vitest';
import { type ChainedEvent, genesis, nextHash } from '#lib/audit-chain/chain';
import { type ChainHead, verifyChain } from '#lib/audit-chain/verify-chain';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import { queryDatabase } from '#lib/testing/postgres-query';
import { PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { AuditRecord } from './audit-log.js';
import { PostgresAuditChain } from './postgres-audit-chain.js';
import { PostgresAuditExport } from './postgres-audit-export.js';
import { PostgresAuditLog } from './postgres-audit-log.js';
import { PostgresAuditRole } from './postgres-audit-role.js';

let fresh: FreshDatabase;
let database: PostgresDatabase;
let chain: PostgresAuditChain;
const log = new PostgresAuditLog();

beforeEach(async () => {
  fresh = await freshDatabase();
  database = new PostgresDatabase({ url: fresh.vaultUrl, purpose: 'test', maxConnections: 6 });
  chain = new PostgresAuditChain(database);
  return async () => {
    await database.close();
    await fresh.drop();
  };
});

const about = (name: string): AuditRecord => ({
  action: 'grant.stored',
  outcome: 'success',
  actor: { kind: 'person', issuer: 'corp', subject: name },
  target: { grantId: name, scopes: ['read', 'write'] },
  requestId: `r-${name}`,
  detail: { share: 0.5, words: 'é "quoted"' },
});

const record = (name: string) => database.transaction((tx) => log.record(tx, about(name)));

const owner = (statement: string) => queryDatabase(fresh.url, statement);

const verdict = (known?: ChainHead) =>
  verifyChain(new PostgresAuditExport(database).lines(), { known });

/** As the owner of the tables can, who switches the triggers off first. */
const tamper = async (statement: string) => {
  for (const table of ['audit_event', 'audit_seal'])
    await owner(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
  await owner(statement);
};

async function chained(count: number) {
  for (let index = 1; index <= count; index += 1) await record(`p${index}`);
  return (await chain.chain())!.head;
}

describe('the audit chain', () => {
  it('covers every event and says how many wait', async () => {
    const head = await chained(5);
    await record('late');
    const reading = await verdict();
    expect(reading).toMatchObject({ head, waiting: 1 });
    expect(reading.fault).toBeUndefined();
    await chain.chain();
    expect(await verdict(head)).toMatchObject({ head: { position: 6 }, waiting: 0 });
    expect(await chain.chain()).toBeUndefined();
  });

  it('leaves out no event of a transaction that commits long after others, and raises no false alarm', async () => {
    let commit = (): void => undefined;
    const gate = new Promise<void>((resolve) => (commit = resolve));
    let recorded = (): void => undefined;
    const isRecorded = new Promise<void>((resolve) => (recorded = resolve));
    const late = database.transaction(async (tx) => {
      await log.record(tx, about('late'));
      recorded();
      await gate;
    });
    await isRecorded;
    for (let round = 1; round <= 3; round += 1) {
      await record(`r${round}`);
      expect((await chain.chain())?.chained).toBe(1);
      expect(await verdict()).toMatchObject({ head: { position: round }, waiting: 0 });
    }
    commit();
    await late;
    expect((await chain.chain())?.chained).toBe(1);
    await record('last');
    expect((await chain.chain())?.chained).toBe(1);
    const reading = await verdict();
    expect(reading).toMatchObject({ head: { position: 5 }, waiting: 0 });
    expect(reading.fault).toBeUndefined();
  });

  it('chains every event of writers that overlap, wait and roll back, while it is chained and verified', async () => {
    let writing = true;
    const chaining = async () => {
      while (writing) await chain.chain();
    };
    const verifying = async () => {
      while (writing) expect((await verdict()).fault).toBeUndefined();
    };
    const writer = async (name: string) => {
      for (let turn = 0; turn < 25; turn += 1)
        await database
          .transaction(async (tx) => {
            await log.record(tx, about(`${name}-${turn}`));
            await queryOf(tx)(`SELECT pg_sleep(${(turn % 5) / 200})`);
            await log.record(tx, about(`${name}-${turn}`));
            if (turn % 4 === 0) throw new Error('rolled back');
          })
          .catch(() => undefined);
    };
    const writers = Promise.all(['a', 'b', 'c'].map(writer)).finally(() => (writing = false));
    await Promise.all([writers, chaining(), chaining(), verifying()]);
    while (await chain.chain());
    const [stored] = await database.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM audit_event',
    );
    const reading = await verdict();
    expect(stored?.n).toBe(3 * 2 * 18);
    expect(reading).toMatchObject({ head: { position: stored?.n }, waiting: 0 });
    expect(reading.fault).toBeUndefined();
  });

  it('a copy on another server, whose transactions count from elsewhere, is chained on', async () => {
    await chained(3);
    await record('waiting');
    await owner(
      `ALTER TABLE audit_seal DISABLE TRIGGER ALL; UPDATE audit_seal SET xid = '9000000000000'; ALTER TABLE audit_seal ENABLE TRIGGER ALL`,
    );
    for (let position = 4; position <= 7; position += 1) {
      expect((await chain.chain())?.head.position).toBe(position);
      await record(`p${position}`);
    }
  });

  it('is one chain when several replicas chain at once', async () => {
    for (let index = 0; index < 20; index += 1) await record(`p${index}`);
    await Promise.all(Array.from({ length: 5 }, () => new PostgresAuditChain(database).chain()));
    expect(await verdict()).toMatchObject({ head: { position: 20 }, waiting: 0 });
  });
});

describe('row 40, audit tampering: the verifier names the first thing that is wrong', () => {
  it.each([
    [
      'a deleted event',
      'DELETE FROM audit_event WHERE sequence = 3',
      { kind: 'removed', position: 3, sequence: '3', at: expect.stringMatching(/^chained 2/) },
    ],
    [
      'a changed event',
      `UPDATE audit_event SET actor = '{"kind":"admin"}' WHERE sequence = 2`,
      { kind: 'altered', position: 2, sequence: '2', at: expect.stringMatching(/^2.+Z$/) },
    ],
    [
      'a time moved by a microsecond',
      `UPDATE audit_event SET at = at + interval '1 microsecond' WHERE sequence = 5`,
      { kind: 'altered', position: 5, sequence: '5' },
    ],
    [
      'a changed hash',
      `UPDATE audit_seal SET hash = sha256('') WHERE position = 4`,
      { kind: 'altered', position: 4, sequence: '4' },
    ],
    [
      'the first event deleted together with its place',
      `WITH gone AS (DELETE FROM audit_seal WHERE position = 1) DELETE FROM audit_event WHERE sequence = 1`,
      { kind: 'missing', position: 1, at: expect.stringMatching(/^between the beginning and 2/) },
    ],
    [
      'an event deleted together with its place',
      `WITH gone AS (DELETE FROM audit_seal WHERE position = 4) DELETE FROM audit_event WHERE sequence = 4`,
      { kind: 'missing', position: 4, at: expect.stringMatching(/^between 2.+Z and 2.+Z$/) },
    ],
    [
      'two events that changed places',
      'UPDATE audit_seal SET sequence = sequence + 1000 WHERE sequence IN (2, 4); UPDATE audit_seal SET sequence = CASE sequence WHEN 1002 THEN 4 ELSE 2 END WHERE sequence > 1000',
      {
        kind: 'reordered',
        position: 2,
        sequence: '4',
        detail: 'The event that belongs here (sequence 2) stands at position 4.',
      },
    ],
  ])('%s', async (_name, statement, fault) => {
    await chained(5);
    await tamper(statement);
    const reading = await verdict();
    expect(reading.fault).toMatchObject(fault);
    expect(reading.head.position).toBe(fault.position - 1);
  });

  it('an end cut off is noticed by the head that the log remembers, also after others were chained', async () => {
    const head = await chained(5);
    await tamper(
      'WITH gone AS (DELETE FROM audit_seal WHERE position > 3) DELETE FROM audit_event WHERE sequence > 3',
    );
    expect((await verdict()).fault).toBeUndefined();
    expect((await verdict(head)).fault).toMatchObject({
      kind: 'cut-off',
      position: 4,
      at: expect.stringMatching(/^after 2.+Z$/),
    });
    for (const name of ['x', 'y', 'z']) await record(name);
    await chain.chain();
    expect((await verdict()).fault).toBeUndefined();
    expect((await verdict(head)).fault).toMatchObject({ kind: 'rewritten', position: 5 });
  });

  it.each([
    'UPDATE audit_event SET outcome = outcome',
    'DELETE FROM audit_event',
    'TRUNCATE audit_event',
    'UPDATE audit_seal SET hash = hash',
    'DELETE FROM audit_seal',
    'ALTER TABLE audit_event DISABLE TRIGGER ALL',
    'DROP TRIGGER audit_event_append_only ON audit_event',
    `INSERT INTO audit_event (at, action, outcome, actor, target) VALUES ('2020-01-01', 'x', 'success', '{}', '{}')`,
    `INSERT INTO audit_event (sequence, action, outcome, actor, target)
       OVERRIDING SYSTEM VALUE VALUES (-1, 'x', 'success', '{}', '{}')`,
    `INSERT INTO audit_seal (position, sequence, hash, settled, xid) VALUES (2, 2, sha256(''), 0, '1')`,
  ])('the vault’s own database user may not: %s', async (statement) => {
    await chained(1);
    await expect(database.query(statement)).rejects.toThrow(/permission denied|must be owner/);
  });

  describe('whoever has the vault’s database user hides no event from the verifier', () => {
    const place = (position: number, sequence: string, hash: string, settled: string) =>
      database.query(
        `INSERT INTO audit_seal (position, sequence, hash, settled) VALUES ($1, $2, decode($3, 'hex'), $4)`,
        [position, sequence, hash, settled],
      );
    const waiting = async () => {
      const events: ChainedEvent[] = [];
      for await (const line of new PostgresAuditExport(database).lines())
        if (line.position === null) events.push(line.event);
      return events;
    };
    const isNamed = async (sequence: string) => {
      expect(await chain.chain()).toBeUndefined();
      expect(await verdict()).toMatchObject({ waiting: 1 });
      await owner(`INSERT INTO audit_event (at, action, outcome, actor, target)
        VALUES (clock_timestamp() + interval '2 hours', 'late.recorded', 'success', '{}', '{}')`);
      expect((await verdict()).fault).toMatchObject({ kind: 'unchained', sequence });
    };

    it('by a place before the first one', async () => {
      await chained(3);
      await record('hidden');
      const [hidden] = await waiting();
      await place(-1, hidden!.sequence, genesis, '0');
      await isNamed(hidden!.sequence);
    });

    it('by chaining what came after it, as if all before were settled', async () => {
      const head = await chained(3);
      await record('hidden');
      await record('after');
      const [hidden, after] = await waiting();
      await place(4, after!.sequence, nextHash(head.hash, after!), after!.sequence);
      await isNamed(hidden!.sequence);
    });
  });

  it('a vault whose database user may do more is noticed', async () => {
    const tooStrong = new PostgresDatabase({ url: fresh.url, purpose: 'test', maxConnections: 1 });
    const may = ['DELETE', 'OWN', 'TRUNCATE', 'UPDATE'];
    expect(await new PostgresAuditRole(tooStrong).tooStrong()).toEqual({ role: 'symbolon', may });
    await tooStrong.close();
    expect(await new PostgresAuditRole(database).tooStrong()).toBeUndefined();
  });
});
