import { beforeEach, describe, expect, it } from 'vitest';
import { verifyChain } from '#lib/audit-chain/verify-chain';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import { queryDatabase } from '#lib/testing/postgres-query';
import { PostgresDatabase, queryOf } from '../database/postgres-database.js';
import { PostgresAuditChain } from './postgres-audit-chain.js';
import { PostgresAuditExport } from './postgres-audit-export.js';
import { PostgresAuditLog } from './postgres-audit-log.js';

let fresh: FreshDatabase;
let database: PostgresDatabase;
let chain: PostgresAuditChain;
const log = new PostgresAuditLog();

beforeEach(async () => {
  fresh = await freshDatabase();
  database = new PostgresDatabase({ url: fresh.url, purpose: 'test', maxConnections: 6 });
  chain = new PostgresAuditChain(database);
  return async () => {
    await database.close();
    await fresh.drop();
  };
});

const record = (name: string) =>
  database.transaction((tx) =>
    log.record(tx, {
      action: 'grant.stored',
      outcome: 'success',
      actor: { kind: 'person', issuer: 'corp', subject: name },
      target: { grantId: name, scopes: ['read', 'write'] },
      requestId: `r-${name}`,
      detail: { share: 0.5, words: 'é "quoted"' },
    }),
  );

const verdict = (head?: { position: number; hash: string }) =>
  verifyChain(new PostgresAuditExport(database).lines(), head);

/** As the owner of the tables can, who switches the triggers off first. */
const tamper = async (statement: string) => {
  for (const table of ['audit_event', 'audit_seal'])
    await queryDatabase(fresh.url, `ALTER TABLE ${table} DISABLE TRIGGER ALL`);
  await queryDatabase(fresh.url, statement);
};

async function chained(count: number) {
  for (let index = 1; index <= count; index += 1) await record(`p${index}`);
  return (await chain.seal())!.head;
}

describe('the audit chain', () => {
  it('covers every event and says how many wait', async () => {
    const head = await chained(5);
    await record('late');
    expect(await verdict()).toEqual({ ok: true, head, unsealed: 1 });
    await chain.seal();
    expect(await verdict(head)).toMatchObject({ ok: true, head: { position: 6 }, unsealed: 0 });
    expect(await chain.seal()).toBeUndefined();
  });

  it('leaves out no event of a transaction that commits late, and raises no false alarm', async () => {
    let commit = (): void => undefined;
    const gate = new Promise<void>((resolve) => (commit = resolve));
    const late = database.transaction(async (tx) => {
      await log.record(tx, {
        action: 'late.event',
        outcome: 'success',
        actor: { kind: 'vault' },
        target: {},
      });
      await gate;
    });
    await record('after');
    await database.transaction(async (tx) => {
      await queryOf(tx)(`SELECT nextval('audit_event_sequence_seq')`);
    });
    expect((await chain.seal())?.sealed).toBe(1);
    commit();
    await late;
    expect((await chain.seal())?.sealed).toBe(1);
    expect(await verdict()).toMatchObject({ ok: true, head: { position: 2 }, unsealed: 0 });
  });

  it('is one chain when several replicas chain at once', async () => {
    for (let index = 0; index < 20; index += 1) await record(`p${index}`);
    await Promise.all(Array.from({ length: 5 }, () => new PostgresAuditChain(database).seal()));
    expect(await verdict()).toMatchObject({ ok: true, head: { position: 20 }, unsealed: 0 });
  });
});

describe('row 40, audit tampering: the verifier names the first thing that is wrong', () => {
  it.each([
    [
      'a deleted event',
      'DELETE FROM audit_event WHERE sequence = 3',
      3,
      /position 3 \(sequence 3\) was removed/,
    ],
    [
      'a changed event',
      `UPDATE audit_event SET actor = '{"kind":"admin"}' WHERE sequence = 2`,
      2,
      /Position 2 \(sequence 2, grant.stored, .+\) does not match/,
    ],
    [
      'an event deleted together with its place',
      `WITH gone AS (DELETE FROM audit_seal WHERE position = 4) DELETE FROM audit_event WHERE sequence = 4`,
      4,
      /Position 4 is missing: the log goes on at 5/,
    ],
    [
      'two events that changed places',
      'UPDATE audit_seal SET sequence = CASE sequence WHEN 1 THEN 1000002 WHEN 2 THEN 1000001 END WHERE sequence IN (1, 2); UPDATE audit_seal SET sequence = sequence - 1000000 WHERE sequence > 1000000',
      1,
      /Position 1 \(sequence 2/,
    ],
  ])('%s', async (_name, statement, position, words) => {
    await chained(5);
    await tamper(statement);
    const found = await verdict();
    expect(found).toMatchObject({ ok: false, position });
    expect(found).toMatchObject({ detail: expect.stringMatching(words) });
  });

  it('an end cut off is noticed by the head that the log remembers', async () => {
    const head = await chained(5);
    await tamper(
      'WITH gone AS (DELETE FROM audit_seal WHERE position > 3) DELETE FROM audit_event WHERE sequence > 3',
    );
    expect(await verdict()).toMatchObject({ ok: true, head: { position: 3 } });
    expect(await verdict(head)).toMatchObject({
      ok: false,
      position: 4,
      detail: expect.stringMatching(/once reached 5/),
    });
  });

  it.each([
    'UPDATE audit_event SET outcome = outcome',
    'DELETE FROM audit_event',
    'TRUNCATE audit_event',
    'UPDATE audit_seal SET hash = hash',
    'DELETE FROM audit_seal',
    'ALTER TABLE audit_event DISABLE TRIGGER ALL',
    'DROP TRIGGER audit_event_append_only ON audit_event',
  ])('the role of the vault may not: %s', async (statement) => {
    await chained(1);
    await expect(database.query(statement)).rejects.toThrow(/permission denied|must be owner/);
  });
});
