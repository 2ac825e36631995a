import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLogger } from '#lib/observability/logger';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import { queryDatabase } from '#lib/testing/postgres-query';
import { PostgresDatabase } from '../database/postgres-database.js';
import { CountedRefusals } from './counted-refusals.js';
import type { AuditRecord } from './audit-log.js';
import { PostgresAuditLog } from './postgres-audit-log.js';

let fresh: FreshDatabase;
let database: PostgresDatabase;
let refusals: CountedRefusals;
let nowMs: number;
let logged: string[];

beforeEach(async () => {
  fresh = await freshDatabase();
  database = new PostgresDatabase({ url: fresh.vaultUrl, purpose: 'test', maxConnections: 2 });
  nowMs = 0;
  logged = [];
  const destination = { write: (line: string) => void logged.push(line) };
  const logger = createLogger({ app: 'vault', level: 'info', destination });
  const limits = { windowMs: 60_000, burst: 5, perSecond: 1 };
  refusals = new CountedRefusals(database, new PostgresAuditLog(), logger, limits, () => nowMs);
});
afterEach(async () => {
  await refusals.stop();
  await database.close();
  await fresh.drop();
});

const refusal = (subject: string, requestId = 'r1'): AuditRecord => ({
  action: 'token.refused',
  outcome: 'refused',
  actor: { kind: 'machine', client: 'gateway', subject },
  target: { upstream: 'snowdemo' },
  requestId,
  detail: { error: 'access_denied' },
});

const recorded = () =>
  database.query<{ action: string; requestId: string | null; subject: string; detail: object }>(
    `SELECT action, request_id AS "requestId", actor->>'subject' AS subject, detail
       FROM audit_event ORDER BY sequence`,
  );

it('the first of a kind is recorded at once, the like of it as one number when its window is over', async () => {
  for (let time = 1; time <= 40; time += 1) await refusals.note(refusal('ann', `r${time}`));
  await refusals.note(refusal('bob'));
  expect(await recorded()).toMatchObject([
    { subject: 'ann', requestId: 'r1', detail: { error: 'access_denied' } },
    { subject: 'bob' },
  ]);
  nowMs = 60_000;
  await refusals.flush();
  expect((await recorded()).slice(2)).toMatchObject([
    { subject: 'ann', detail: { againTimes: 39 } },
  ]);
  await refusals.note(refusal('ann', 'r41'));
  expect((await recorded()).at(-1)).toMatchObject({ subject: 'ann', requestId: 'r41' });
});

it('a flood of different ones fills no disk: beyond the rate they are counted in one record', async () => {
  await Promise.all(Array.from({ length: 1_000 }, (_, n) => refusals.note(refusal(`s${n}`))));
  await refusals.flush();
  const rows = await recorded();
  expect(rows).toHaveLength(6);
  expect(rows.at(-1)).toMatchObject({ action: 'audit.refusals_omitted', detail: { times: 995 } });
  nowMs = 2_000;
  await Promise.all(Array.from({ length: 10 }, (_, n) => refusals.note(refusal(`t${n}`))));
  expect(await recorded()).toHaveLength(8);
});

it('a clean stop writes the counts of windows that are open', async () => {
  for (let time = 1; time <= 3; time += 1) await refusals.note(refusal('ann'));
  await refusals.stop();
  expect((await recorded()).at(-1)).toMatchObject({ subject: 'ann', detail: { againTimes: 2 } });
});

it('what cannot be recorded is told by the log, and nobody fails for it', async () => {
  await queryDatabase(fresh.url, 'ALTER TABLE audit_event RENAME TO audit_event_away');
  await refusals.note(refusal('ann'));
  expect(logged.join('')).toContain('audit.refusal_lost');
});
