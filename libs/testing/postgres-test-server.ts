import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureLogin } from '#lib/embedded-postgres/postgres-login-role';
import { startPostgres } from '#lib/embedded-postgres/postgres-server';
import type { PostgresServer } from '#lib/embedded-postgres/postgres-server';
import { findPostmaster, isAlive, stopPostmaster } from '#lib/embedded-postgres/postmaster-pid';
import { freePort } from './free-port.js';
import { memoryFolderPrefix, memoryRoot } from './memory-folder.js';
import { vaultLoginOf } from './postgres-fresh-database.js';

const serverPrefix = 'symbolon-test-postgres-';

export interface TestServer {
  /** Connection string of the database that fresh ones are copied from. */
  readonly templateUrl: string;
  stop(): Promise<void>;
}

/** A server for one test run, in its own temporary folder; `migrate` fills the template once. */
export async function startTestServer(
  migrate: (url: string) => Promise<void>,
): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), `${serverPrefix}${process.pid}-`));
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

/** A run that was killed leaves its server behind, and its folder in memory: the next one ends them. */
export async function sweepAbandoned(): Promise<void> {
  const folders = await abandonedIn(memoryRoot, memoryFolderPrefix);
  for (const folder of [...folders, tmpdir()]) {
    for (const server of await abandonedIn(folder, serverPrefix)) {
      const left = await findPostmaster(join(server, 'cluster'));
      if (left !== undefined) await stopPostmaster(left.pid);
      await rm(server, { recursive: true, force: true });
    }
  }
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
}

/** Folders whose name says that they were made by a process which is no more. */
async function abandonedIn(parent: string, prefix: string): Promise<string[]> {
  const names = await readdir(parent).catch(() => []);
  return names
    .filter((name) => name.startsWith(prefix))
    .filter((name) => !isAlive(Number(name.slice(prefix.length).split('-')[0])))
    .map((name) => join(parent, name));
}
