import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createLogger } from '#lib/observability/logger';
import { SealBroken } from '#lib/sealing/message';
import { Secret } from '#lib/secret/secret';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import { PostgresAuditLog } from '../audit/postgres-audit-log.js';
import { PostgresDatabase } from '../database/postgres-database.js';
import { refreshTokenPlace } from '../grants/sealed-places.js';
import { registrySecretPlace } from '../registry/postgres-registry-store.js';
import { AlarmedSealer } from './alarmed-sealer.js';
import { KeyRingSealer } from './key-ring-sealer.js';
import { PostgresSealingKeyStore } from './postgres-sealing-key-store.js';
import { readKeyRing } from './read-key-ring.js';
import type { SealedPlace } from './sealer.js';

const grant = { id: 'g1', issuerId: 'i1', subject: 'alice', oauthClientId: 'c1', partition: 'u1' };

let fresh: FreshDatabase;
let database: PostgresDatabase;
let sealer: AlarmedSealer;
let logged: string[];

beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(async () => {
  database = new PostgresDatabase({ url: fresh.vaultUrl, purpose: 'test', maxConnections: 2 });
  const key = randomBytes(32).toString('base64url');
  await database.query('DELETE FROM sealing_key');
  const ring = readKeyRing('env:RING', false, { RING: key });
  const inner = new KeyRingSealer(new PostgresSealingKeyStore(database), ring);
  await inner.unseal();
  logged = [];
  const destination = { write: (line: string) => void logged.push(line) };
  const logger = createLogger({ app: 'vault', level: 'trace', destination });
  sealer = new AlarmedSealer(inner, database, new PostgresAuditLog(), logger);
});
afterEach(() => database.close());
afterAll(() => fresh.drop());

const alarms = (place: SealedPlace) =>
  database.query<{ target: Record<string, string>; outcome: string }>(
    `SELECT target, outcome FROM audit_event
      WHERE action = 'seal.broken' AND target->>'table' = $1 AND target->>'rowId' = $2`,
    [place.table, place.rowId],
  );

it.each([
  ['a refresh token', refreshTokenPlace(grant), refreshTokenPlace({ ...grant, subject: 'bob' })],
  [
    'a registry secret',
    registrySecretPlace('r1', 'clientSecret', 0),
    registrySecretPlace('r2', 'clientSecret', 0),
  ],
])(
  'row 37, ciphertext swap: %s of another row does not open, and leaves one audit event and one line in the log',
  async (_, mine, theirs) => {
    const sealed = sealer.seal(theirs, new Secret('canary-of-the-other'));
    for (let time = 0; time < 3; time += 1)
      await expect(sealer.open(mine, sealed)).rejects.toThrow(SealBroken);
    expect(await alarms(mine)).toMatchObject([
      { outcome: 'failed', target: { rowId: mine.rowId } },
    ]);
    const text = logged.join('');
    expect(text.match(/"event":"seal.broken"/g)).toHaveLength(1);
    expect(text).not.toContain('canary');
  },
);

it('what opens raises no alarm, and a cursor that somebody made up raises none either', async () => {
  const place = refreshTokenPlace({ ...grant, id: 'fine' });
  const sealed = sealer.seal(place, new Secret('rt'));
  expect((await sealer.open(place, sealed)).reveal()).toBe('rt');
  const cursor = { ...place, table: 'cursor' };
  await expect(sealer.open(cursor, sealed)).rejects.toThrow(SealBroken);
  expect(await alarms(place)).toEqual([]);
  expect(await alarms(cursor)).toEqual([]);
  expect(logged).toEqual([]);
});

it('fails closed although the audit event cannot be stored', async () => {
  const place = refreshTokenPlace({ ...grant, id: 'unrecorded' });
  const sealed = sealer.seal({ ...place, subject: 'bob' }, new Secret('rt'));
  await database.close();
  await expect(sealer.open(place, sealed)).rejects.toThrow(SealBroken);
  expect(logged.join('')).toContain('sealing.alarm_failed');
  database = new PostgresDatabase({ url: fresh.vaultUrl, purpose: 'test', maxConnections: 2 });
});
