import {
  type BeforeApplicationShutdown,
  Global,
  Inject,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { AuditLog } from '../audit/audit-log.js';
import type { CrashPoint } from '../database/crash-point.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { ConsentStore } from '../grants/consent-store.js';
import type { Grants } from '../grants/grants.js';
import { RefreshGrant } from '../grants/refresh-grant.js';
import type { VaultLogger } from '../log-events.js';
import type { Registry } from '../registry/registry-snapshot.js';
import {
  AUDIT_LOG,
  CONSENT_STORE,
  CRASH_POINT,
  DATABASE,
  GRANTS,
  LOGGER,
  RECOVERY_REQUESTS,
  RECOVERY_STORE,
  REGISTRY,
  REPLAY_ENDS,
} from '../tokens.js';
import { PostgresRecoveryQueue } from './postgres-recovery-queue.js';
import { PostgresRecoveryStore } from './postgres-recovery-store.js';
import { RecoveryWorker } from './recovery-worker.js';
import { PostgresReplayFacts } from './postgres-replay-facts.js';
import { ReplayEnds } from './replay-ends.js';
import { RequestRecovery } from './request-recovery.js';
import { TestGrants } from './test-grants.js';

type ReplayPorts = [PostgresDatabase, Grants, ConsentStore, Registry, AuditLog];

type TestPorts = [PostgresDatabase, RefreshGrant, Registry, AuditLog, CrashPoint, VaultLogger];

/** After a restored backup: which refresh tokens still live is found out slowly, before anybody uses them. */
@Global()
@Module({
  providers: [
    {
      provide: RECOVERY_STORE,
      useFactory: (database: PostgresDatabase) => new PostgresRecoveryStore(database),
      inject: [DATABASE],
    },
    {
      provide: RECOVERY_REQUESTS,
      useFactory: (
        database: PostgresDatabase,
        store: PostgresRecoveryStore,
        registry: Registry,
        audit: AuditLog,
      ) => new RequestRecovery({ database, store, registry, audit }),
      inject: [DATABASE, RECOVERY_STORE, REGISTRY, AUDIT_LOG],
    },
    {
      provide: REPLAY_ENDS,
      useFactory: (...[database, grants, consents, registry, audit]: ReplayPorts) =>
        new ReplayEnds({
          facts: new PostgresReplayFacts(database),
          ...{ database, grants, consents, registry, audit },
        }),
      inject: [DATABASE, GRANTS, CONSENT_STORE, REGISTRY, AUDIT_LOG],
    },
    {
      provide: TestGrants,
      useFactory: (...[database, refreshing, registry, audit, crashPoint, logger]: TestPorts) =>
        new TestGrants({
          queue: new PostgresRecoveryQueue(database),
          ...{ database, refreshing, registry, audit, crashPoint, logger },
        }),
      inject: [DATABASE, RefreshGrant, REGISTRY, AUDIT_LOG, CRASH_POINT, LOGGER],
    },
    {
      provide: RecoveryWorker,
      useFactory: (tests: TestGrants, logger: VaultLogger) => new RecoveryWorker(tests, logger),
      inject: [TestGrants, LOGGER],
    },
  ],
  exports: [RECOVERY_STORE, RECOVERY_REQUESTS, REPLAY_ENDS],
})
export class RecoveryModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(@Inject(RecoveryWorker) private readonly worker: RecoveryWorker) {}

  onApplicationBootstrap(): void {
    this.worker.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}
