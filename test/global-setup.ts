import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { memoryFolder } from '#lib/testing/memory-folder';
import { templateAddressVariable } from '#lib/testing/postgres-fresh-database';
import { startTestServer, sweepAbandoned } from '#lib/testing/postgres-test-server';
import type { TestServer } from '#lib/testing/postgres-test-server';

/**
 * One Postgres per test run, started when the first test asks for a database: runs without one stay quick. It and all
 * other temporary files of the run are in memory, where there is room.
 */
export default async function setUp(): Promise<(() => Promise<void>) | undefined> {
  // Each project of vitest.config.ts calls this: the first, for all.
  if (process.env[templateAddressVariable] !== undefined) return undefined;
  await sweepAbandoned();
  const memory = memoryFolder();
  if (memory !== undefined) process.env['TMPDIR'] = memory;
  let server: Promise<TestServer> | undefined;
  const path = `/${randomUUID()}`;
  const desk = createServer((request, response) => {
    if (request.url !== path) return void response.writeHead(404).end();
    server ??= startTestServer(migrate);
    server.then(
      ({ templateUrl }) => response.end(templateUrl),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => desk.listen(0, '127.0.0.1', resolve));
  const { port } = desk.address() as AddressInfo;
  process.env[templateAddressVariable] = `http://127.0.0.1:${port}${path}`;
  return async () => {
    desk.close();
    desk.closeAllConnections();
    await server?.then(
      ({ stop }) => stop(),
      () => undefined,
    );
    if (memory !== undefined) await rm(memory, { recursive: true, force: true });
  };
}

async function migrate(url: string): Promise<void> {
  const { runMigrations } = await import('../migrations/run.js');
  await runMigrations(url);
}
