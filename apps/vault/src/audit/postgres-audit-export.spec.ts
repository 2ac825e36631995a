import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ExportedLine } from '#lib/audit-chain/chain';
import { verifyChain } from '#lib/audit-chain/verify-chain';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import { queryDatabase } from '#lib/testing/postgres-query';
import { PostgresDatabase } from '../database/postgres-database.js';
import { PostgresAuditChain } from './postgres-audit-chain.js';
import { type ExportRange, PostgresAuditExport } from './postgres-audit-export.js';

let fresh: FreshDatabase;
let database: PostgresDatabase;

// Ten events, one a minute from 10:01 on, and two that are not chained; the third happened before the second.
beforeAll(async () => {
  fresh = await freshDatabase();
  database = new PostgresDatabase({ url: fresh.vaultUrl, purpose: 'test', maxConnections: 2 });
  const add = (minute: number) =>
    queryDatabase(
      fresh.url,
      `INSERT INTO audit_event (at, action, outcome, actor, target) VALUES ($1, 'test.done', 'success', '{}', '{}')`,
      [`2026-01-01T10:${String(minute).padStart(2, '0')}:00Z`],
    );
  for (const minute of [1, 3, 2, 4, 5, 6, 7, 8, 9, 10]) await add(minute);
  await new PostgresAuditChain(database).chain();
  for (const minute of [11, 12]) await add(minute);
});
afterAll(async () => {
  await database.close();
  await fresh.drop();
});

async function exported(range?: ExportRange): Promise<ExportedLine[]> {
  const lines: ExportedLine[] = [];
  for await (const line of new PostgresAuditExport(database).lines(range)) lines.push(line);
  return lines;
}

it.each([
  ['all', undefined, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, null, null]],
  ['what stands after a position', { after: 8 }, [9, 10, null, null]],
  ['what happened from then on', { from: '2026-01-01T10:09:00Z' }, [9, 10, null, null]],
  [
    'the stretch that holds what happened between, unbroken',
    { from: '2026-01-01T10:03:00Z', to: '2026-01-01T10:05:00+00:00' },
    [2, 3, 4],
  ],
  [
    'a page of a range',
    { from: '2026-01-01T10:03:00Z', after: 3 },
    [4, 5, 6, 7, 8, 9, 10, null, null],
  ],
  ['nothing that happened', { from: '2030-01-01T00:00:00Z' }, []],
  ['nothing that happened before', { to: '2020-01-01T00:00:00Z' }, []],
  ['what waits only', { from: '2026-01-01T10:12:00Z' }, [null]],
])('an export of %s can be verified', async (_name, range, positions) => {
  const lines = await exported(range);
  expect(lines.map(({ position }) => position)).toEqual(positions);
  async function* again() {
    yield* lines;
  }
  const reading = await verifyChain(again(), { isPart: range !== undefined });
  expect(reading.fault).toBeUndefined();
  expect(reading.waiting).toBe(positions.filter((position) => position === null).length);
});

it('pages are put together without a seam', async () => {
  await queryDatabase(
    fresh.url,
    `INSERT INTO audit_event (action, outcome, actor, target)
     SELECT 'test.done', 'success', '{}', '{}' FROM generate_series(1, 2300)`,
  );
  const chain = new PostgresAuditChain(database);
  while ((await chain.chain())?.more);
  const reading = await verifyChain(new PostgresAuditExport(database).lines());
  expect(reading).toMatchObject({ from: 1, head: { position: 2312 }, waiting: 0 });
  expect(reading.fault).toBeUndefined();
});
