import {
  type DynamicModule,
  Global,
  Inject,
  Module,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import type { AuditLog } from '../audit/audit-log.js';
import type { VaultConfig } from '../config.js';
import { PostgresDatabase } from '../database/postgres-database.js';
import type { VaultLogger } from '../log-events.js';
import { AUDIT_LOG, KEY_RING, SEALER, SEALING_DATABASE } from '../tokens.js';
import { AlarmedSealer } from './alarmed-sealer.js';
import { KeepUnsealed } from './keep-unsealed.js';
import { KeyRingSealer } from './key-ring-sealer.js';
import { PostgresSealingKeyStore } from './postgres-sealing-key-store.js';

/** Sealing and opening for every feature, on connections of its own: a request may need a key while it holds one. */
@Global()
@Module({})
export class SealingModule implements OnApplicationShutdown {
  constructor(
    @Inject(KeepUnsealed) private readonly unsealing: KeepUnsealed,
    @Inject(SEALING_DATABASE) private readonly database: PostgresDatabase,
  ) {}

  static for({ databaseUrl: url, keyRing }: VaultConfig, logger: VaultLogger): DynamicModule {
    const providers: Provider[] = [
      { provide: KEY_RING, useValue: keyRing },
      {
        provide: SEALING_DATABASE,
        useFactory: () => new PostgresDatabase({ url, purpose: 'sealing', maxConnections: 3 }),
      },
      {
        provide: PostgresSealingKeyStore,
        useFactory: (database: PostgresDatabase) => new PostgresSealingKeyStore(database),
        inject: [SEALING_DATABASE],
      },
      {
        provide: KeyRingSealer,
        useFactory: (store: PostgresSealingKeyStore) => new KeyRingSealer(store, keyRing),
        inject: [PostgresSealingKeyStore],
      },
      {
        provide: SEALER,
        useFactory: (sealer: KeyRingSealer, database: PostgresDatabase, audit: AuditLog) =>
          new AlarmedSealer(sealer, database, audit, logger),
        inject: [KeyRingSealer, SEALING_DATABASE, AUDIT_LOG],
      },
      {
        provide: KeepUnsealed,
        useFactory: async (sealer: KeyRingSealer, store: PostgresSealingKeyStore) => {
          const unsealing = new KeepUnsealed(sealer, store, keyRing, logger);
          await unsealing.start();
          return unsealing;
        },
        inject: [KeyRingSealer, PostgresSealingKeyStore],
      },
    ];
    return { module: SealingModule, providers, exports: providers };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.unsealing.stop();
    await this.database.close();
  }
}
