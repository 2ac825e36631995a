import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '#lib/embedded-postgres/postgres-server';
import type { PostgresServer } from '#lib/embedded-postgres/postgres-server';
import { freePort } from '#lib/testing/free-port';
import { runMigrations } from '../../../migrations/run.js';
import { FaultStack } from './fault-stack.js';
import type { StackOptions } from './fault-stack.js';

const template = 'template_symbolon';

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
      await runMigrations(self.databaseUrl(template));
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

  async close(): Promise<void> {
    await this.#postgres?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
