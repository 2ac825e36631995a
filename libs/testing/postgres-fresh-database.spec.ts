import pg from 'pg';
import { expect, test } from 'vitest';
import { freshDatabase } from './postgres-fresh-database.js';

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

test('each database is one’s own', async () => {
  const [one, two] = await Promise.all([freshDatabase(), freshDatabase()]);
  await query(one.url, 'CREATE TABLE mine AS SELECT 1 AS n');
  expect(await query(two.url, "SELECT to_regclass('mine') AS found")).toEqual([{ found: null }]);
  await Promise.all([one.drop(), two.drop()]);
  await expect(query(one.url, 'SELECT 1')).rejects.toThrow('does not exist');
});
