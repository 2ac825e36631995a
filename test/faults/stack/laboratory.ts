import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureLogin, urlOf } from '#lib/embedded-postgres/postgres-login-role';
import { startPostgres } from '#lib/embedded-postgres/postgres-server';
import type { PostgresServer } from '#lib/embedded-postgres/postgres-server';
import { freePort } from '#lib/testing/free-port';
import { vaultLoginOf } from '#lib/testing/postgres-fresh-database';
import { FaultStack } from './fault-stack.js';
import { compiled } from './nodes.js';
import type { StackOptions } from './fault-stack.js';

const template = 'template_symbolon';

/** As an operator does. */
function migrate(url: string): Promise<unknown> {
  const env = { ...process.env, SYMBOLON_DATABASE_URL: url };
  return promisify(execFile)(process.execPath, [compiled('migrations/main.js')], { env });
}

/** One Postgres for a series of experiments; each experiment has a database and processes of its own. */
export class Laboratory {
  #postgres!: PostgresServer;
  #stacks = 0;

  private constructor(
    readonly folder: string,
    readonly port: number,
  ) {}

  /** The server is durable: R11 kills it. */
  static async open(): Promise<Laboratory> {
    const folder = await mkdtemp(join(tmpdir(), 'symbolon-faults-'));
    const self = new Laboratory(folder, await freePort());
    try {
      await self.startDatabase();
      await self.#postgres.createDatabase(template);
      const url = self.databaseUrl(template);
      await migrate(url);
      await ensureLogin(url, vaultLoginOf(url));
    } catch (error) {
      await self.close();
      throw error;
    }
    return self;
  }

  async stack(options: StackOptions = {}): Promise<FaultStack> {
    this.#stacks += 1;
    const name = `experiment_${this.#stacks}`;
    const folder = join(this.folder, name);
    await mkdir(folder);
    await this.#postgres.createDatabase(name, template);
    return FaultStack.start({ laboratory: this, database: name, folder }, options);
  }

  /** As the user that a vault works as. */
  vaultDatabaseUrl(name: string): string {
    const url = this.databaseUrl(name);
    return urlOf(url, vaultLoginOf(url));
  }

  databaseUrl(name: string): string {
    return this.#postgres.url(name);
  }

  /** kill -9 of the postmaster: its children notice and go, nothing is flushed. */
  killDatabase(): Promise<void> {
    return this.#postgres.stop(true);
  }

  /** Starts it, or starts it again with crash recovery. */
  async startDatabase(): Promise<void> {
    const dataDir = join(this.folder, 'postgres');
    this.#postgres = await startPostgres({ dataDir, port: this.port, durable: true });
  }

  /** `keep` leaves the folder with the logs. */
  async close(keep = false): Promise<void> {
    await this.#postgres?.stop();
    if (!keep) await rm(this.folder, { recursive: true, force: true });
  }
}
