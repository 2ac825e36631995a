import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import { runMigrations } from './run.js';

let fresh: FreshDatabase;
let server: Client;
let name: string;
let url: string;

beforeEach(async () => {
  fresh = await freshDatabase();
  server = new Client({ connectionString: fresh.url });
  await server.connect();
  name = `empty_${randomBytes(6).toString('hex')}`;
  await server.query(`CREATE DATABASE ${name} TEMPLATE template0`);
  const address = new URL(fresh.url);
  address.pathname = `/${name}`;
  url = address.href;
});

afterEach(async () => {
  await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
  await server.end();
  await fresh.drop();
});

it('processes that migrate at once wait for each other: each migration is applied by exactly one', async () => {
  const reports = await Promise.all(Array.from({ length: 4 }, () => runMigrations(url)));
  const applied = reports.flatMap((report) => report.applied);
  expect(applied.length).toBeGreaterThan(0);
  expect(new Set(applied).size).toBe(applied.length);
  expect(reports.filter((report) => report.applied.length > 0)).toHaveLength(1);
  expect((await runMigrations(url)).applied).toEqual([]);
});
