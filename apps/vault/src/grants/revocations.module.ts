import {
  type BeforeApplicationShutdown,
  Global,
  Inject,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { AuditLog } from '../audit/audit-log.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { VaultLogger } from '../log-events.js';
import { OutboxWorker } from '../outbox/outbox-worker.js';
import type { Providers } from '../providers/provider.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { Sealer } from '../sealing/sealer.js';
import { AUDIT_LOG, DATABASE, LOGGER, PROVIDERS, REGISTRY, SEALER } from '../tokens.js';
import { type OwedRevocation, PostgresRevocationStore } from './postgres-revocation-store.js';
import { RevokeAtProvider } from './revoke-at-provider.js';

const atOncePerProvider = 2;
const WORKER = Symbol('OutboxWorker of revocations');

/** Revocations that providers are still to confirm. */
@Global()
@Module({
  providers: [
    {
      provide: PostgresRevocationStore,
      useFactory: (database: PostgresDatabase, sealer: Sealer) =>
        new PostgresRevocationStore(database, sealer),
      inject: [DATABASE, SEALER],
    },
    {
      provide: RevokeAtProvider,
      useFactory: (
        database: PostgresDatabase,
        store: PostgresRevocationStore,
        providers: Providers,
        registry: Registry,
        ...[audit, logger]: [AuditLog, VaultLogger]
      ) => new RevokeAtProvider({ database, store, providers, registry, audit, logger }),
      inject: [DATABASE, PostgresRevocationStore, PROVIDERS, REGISTRY, AUDIT_LOG, LOGGER],
    },
    {
      provide: WORKER,
      useFactory: (atProvider: RevokeAtProvider, logger: VaultLogger) =>
        new OutboxWorker(atProvider, {
          atOncePerLane: atOncePerProvider,
          onError: (err) => logger.error({ event: 'grant.revocation_broken', err }),
        }),
      inject: [RevokeAtProvider, LOGGER],
    },
  ],
  exports: [PostgresRevocationStore, RevokeAtProvider],
})
export class RevocationsModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(@Inject(WORKER) private readonly worker: OutboxWorker<OwedRevocation>) {}

  onApplicationBootstrap(): void {
    this.worker.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}
