import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '#lib/observability/logger';
import { queryDatabase } from '#lib/testing/postgres-query';
import { PostgresAuditLog } from '../audit/postgres-audit-log.js';
import { type CrashPoint, noCrash } from '../database/crash-point.js';
import type { GrantsFixture } from '../grants/grants-fixture.js';
import type { GrantsReplica } from '../grants/grants-replica-fixture.js';
import { PostgresRecoveryQueue } from './postgres-recovery-queue.js';
import { PostgresRecoveryStore } from './postgres-recovery-store.js';
import type { Recovery } from './recovery.js';
import { RequestRecovery, type RecoveryWish } from './request-recovery.js';
import { TestGrants } from './test-grants.js';

const tables = ['access_token', 'user_grant', 'client_consent'];
export const admin = {
  actor: { kind: 'admin' as const, client: 'bootstrap-token' },
  requestId: 'request-of-this-test',
};

/** The recovery of one replica on a GrantsFixture, and backups of the grants. */
export class RecoveryFixture {
  readonly tests: TestGrants;
  readonly requests: RequestRecovery;
  readonly store: PostgresRecoveryStore;

  constructor(
    private readonly grants: GrantsFixture,
    readonly replica: GrantsReplica,
    crashPoint: CrashPoint = noCrash,
  ) {
    const { database, registry, refreshing } = replica;
    const destination = { write: (line: string) => void grants.log.push(line) };
    const logger = createLogger({ app: 'vault', level: 'trace', destination });
    const audit = new PostgresAuditLog();
    this.store = new PostgresRecoveryStore(database);
    this.requests = new RequestRecovery({ database, store: this.store, registry, audit });
    this.tests = new TestGrants({
      queue: new PostgresRecoveryQueue(database),
      ...{ database, refreshing, registry, audit, crashPoint, logger },
    });
  }

  /** As if nothing had been granted or restored yet. */
  async forget(): Promise<void> {
    for (const table of ['recovery', ...tables])
      await queryDatabase(this.grants.fresh.url, `DELETE FROM ${table}`);
  }

  async backUp(): Promise<void> {
    for (const table of tables)
      await queryDatabase(
        this.grants.fresh.url,
        `DROP TABLE IF EXISTS backup_${table}; CREATE TABLE backup_${table} AS TABLE ${table}`,
      );
  }

  async restore(): Promise<void> {
    for (const table of tables) await queryDatabase(this.grants.fresh.url, `DELETE FROM ${table}`);
    for (const table of tables.toReversed())
      await queryDatabase(
        this.grants.fresh.url,
        `INSERT INTO ${table} SELECT * FROM backup_${table}`,
      );
  }

  start(wish: Partial<RecoveryWish> = {}): Promise<Recovery> {
    const usual = {
      backupTime: undefined,
      ratePerMinute: 6_000,
      breakerShare: 0.5,
      oauthClient: undefined,
    };
    return this.requests.start({ ...usual, ...wish }, admin);
  }

  /** Steps until nothing is left to do, or only what must be confirmed or repeated later. */
  async run(): Promise<Recovery> {
    for (let quiet = 0; quiet < 20;) {
      const result = await this.tests.step();
      await this.tests.drain();
      quiet = result === 'more' ? 0 : quiet + 1;
      if (result === 'idle') break;
      if (result === 'waiting') await sleep(2);
    }
    return this.newest();
  }

  async newest(): Promise<Recovery> {
    const [newest] = await this.store.list();
    if (newest === undefined) throw new Error('There is no recovery.');
    return newest;
  }
}
