import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureLogin } from '#lib/embedded-postgres/postgres-login-role';
import { startPostgres } from '#lib/embedded-postgres/postgres-server';
import type { PostgresServer } from '#lib/embedded-postgres/postgres-server';
import { findPostmaster, isAlive, stopPostmaster } from '#lib/embedded-postgres/postmaster-pid';
import { freePort } from './free-port.js';
import { vaultLoginOf } from './postgres-fresh-database.js';

const prefix = 'symbolon-test-postgres-';

export interface TestServer {
  /** Connection string of the database that fresh ones are copied from. */
  readonly templateUrl: string;
  stop(): Promise<void>;
}

/** A server for one test run, in its own temporary folder; `migrate` fills the template once. */
export async function startTestServer(
  migrate: (url: string) => Promise<void>,
): Promise<TestServer> {
  await sweepAbandoned();
  const dataDir = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
  const server = await startPostgres({ dataDir, port: await freePort(), durable: false });
  const stop = async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    return { templateUrl: await migratedTemplate(server, migrate), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function migratedTemplate(
  server: PostgresServer,
  migrate: (url: string) => Promise<void>,
): Promise<string> {
  await server.createDatabase('template_symbolon');
  const url = server.url('template_symbolon');
  await migrate(url);
  await ensureLogin(url, vaultLoginOf(url));
  return url;
}

/** A run that was killed leaves its server behind: the next one ends it. */
async function sweepAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    if (isAlive(Number(name.slice(prefix.length).split('-')[0]))) continue;
    const folder = join(tmpdir(), name);
    const left = await findPostmaster(join(folder, 'cluster'));
    if (left !== undefined) await stopPostmaster(left.pid);
    await rm(folder, { recursive: true, force: true });
  }
}
