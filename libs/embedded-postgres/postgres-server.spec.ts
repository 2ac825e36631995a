import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '#lib/testing/free-port';
import { startPostgres } from './postgres-server.js';
import type { PostgresServer } from './postgres-server.js';
import { isAlive } from './postmaster-pid.js';

let dataDir: string;
let port: number;
let running: PostgresServer[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'symbolon-launcher-'));
  port = await freePort();
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((server) => server.stop()));
  await rm(dataDir, { recursive: true, force: true });
});

async function start(): Promise<PostgresServer> {
  const server = await startPostgres({ dataDir, port, durable: false });
  running.push(server);
  return server;
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

test('it starts, keeps its data over a stop, and lets nobody in without the password', async () => {
  const first = await start();
  await first.createDatabase('vault');
  await query(first.url('vault'), 'CREATE TABLE kept AS SELECT 7 AS n');
  const wrong = new URL(first.url('vault'));
  wrong.password = 'wrong';
  await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
  expect((await stat(join(dataDir, 'password'))).mode & 0o777).toBe(0o600);
  await first.stop();
  expect(isAlive(first.pid)).toBe(false);

  const second = await start();
  await second.createDatabase('vault');
  expect(await query(second.url('vault'), 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
});

test('a server that outlived its parent is taken over', async () => {
  const first = await start();
  const second = await start();
  expect(second.pid).toBe(first.pid);
});

test('a surviving server on another port is replaced', async () => {
  const first = await start();
  port = await freePort();
  const second = await start();
  expect(second.pid).not.toBe(first.pid);
  expect(isAlive(first.pid)).toBe(false);
});

test('a stale postmaster.pid that names a living stranger does not keep it from starting', async () => {
  await (await start()).stop();
  const stale = [process.ppid, join(dataDir, 'cluster'), 0, port].join('\n');
  await writeFile(join(dataDir, 'cluster', 'postmaster.pid'), stale);
  const server = await start();
  expect(await query(server.url('postgres'), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
});

test('a taken port is told in one sentence', async () => {
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(port, '127.0.0.1', resolve));
  await expect(start()).rejects.toThrow(`Port ${port} on 127.0.0.1 is taken by another program`);
  squatter.close();
});
