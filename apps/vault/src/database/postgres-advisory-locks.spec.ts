import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import { queryDatabase } from '#lib/testing/postgres-query';
import { PostgresAdvisoryLocks } from './postgres-advisory-locks.js';
import { PostgresDatabase } from './postgres-database.js';

let fresh: FreshDatabase;
let database: PostgresDatabase;
let here: PostgresAdvisoryLocks;
let there: PostgresAdvisoryLocks;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = new PostgresDatabase({ url: fresh.vaultUrl, purpose: 'spec', maxConnections: 2 });
  here = new PostgresAdvisoryLocks(fresh.vaultUrl);
  there = new PostgresAdvisoryLocks(fresh.vaultUrl);
});
afterAll(async () => {
  await Promise.all([here.close(), there.close(), database.close()]);
  await fresh.drop();
});

test('a lock is had once, in this process and over all, until it is released', async () => {
  const lock = await here.tryLock('a');
  expect(await here.tryLock('a')).toBeUndefined();
  expect(await there.tryLock('a')).toBeUndefined();
  expect(await there.tryLock('b')).toBeDefined();
  await lock?.release();
  const next = await there.tryLock('a');
  expect(next?.lost).toBe(false);
  await next?.release();
});

test('of 30 that try at once one has it', async () => {
  const tries = Array.from({ length: 30 }, (_, i) => (i % 2 ? here : there).tryLock('many'));
  const had = (await Promise.all(tries)).filter((lock) => lock !== undefined);
  expect(had).toHaveLength(1);
  await had[0]?.release();
});

test('a lock whose connection dies knows it, is free for others, and releasing it harms nobody', async () => {
  const lock = await here.tryLock('dies');
  let told = false;
  lock?.onLost(() => (told = true));
  await queryDatabase(
    fresh.url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'symbolon-vault-locks' AND datname = current_database()`,
  );
  await expect.poll(() => lock?.lost).toBe(true);
  expect(told).toBe(true);
  await expect.poll(() => there.tryLock('dies').catch(() => undefined)).toBeDefined();
  await lock?.release();
  expect(await here.tryLock('dies')).toBeUndefined();
});

test('a lock that was lost can be had again by the process that lost it, whoever still holds the old one', async () => {
  const lost = await here.tryLock('again');
  await queryDatabase(
    fresh.url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'symbolon-vault-locks' AND datname = current_database()`,
  );
  await expect.poll(() => lost?.lost).toBe(true);
  const again = await here.tryLock('again');
  expect(again).toBeDefined();
  await lost?.release();
  expect(await here.tryLock('again')).toBeUndefined();
  await again?.release();
  expect(await here.tryLock('again')).toBeDefined();
});
