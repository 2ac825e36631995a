import {
  type BeforeApplicationShutdown,
  Global,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type Provider,
} from '@nestjs/common';
import type { Rounds } from '#lib/process/rounds';
import type { AuditLog } from '../audit/audit-log.js';
import type { CrashPoint } from '../database/crash-point.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { VaultLogger } from '../log-events.js';
import { KeepUnsealed } from '../sealing/keep-unsealed.js';
import type { KeyEncryptionKey } from '../sealing/key-encryption-key.js';
import { KeyRingSealer } from '../sealing/key-ring-sealer.js';
import type { Sealer } from '../sealing/sealer.js';
import { AUDIT_LOG, CRASH_POINT, KEY_RING, LOGGER, SEALER, SEALING_DATABASE } from '../tokens.js';
import { AdvanceRotation } from './advance-rotation.js';
import { KeyStatus } from './key-status.js';
import { PostgresKeyAdministration } from './postgres-key-administration.js';
import { PostgresKeyRotationStore } from './postgres-key-rotation-store.js';
import { sealedColumnsInOrder } from './postgres-sealed-columns.js';
import { PostgresSealedRows } from './postgres-sealed-rows.js';
import { RequestRotation } from './request-rotation.js';
import { rotationWorker } from './rotation-worker.js';
import { SealAnew } from './seal-anew.js';
import { WrapAnew } from './wrap-anew.js';

const WORKER = Symbol('Rounds of rotation');

type Keks = readonly KeyEncryptionKey[];

const stores: Provider[] = [
  {
    provide: PostgresKeyRotationStore,
    useFactory: (database: PostgresDatabase) => new PostgresKeyRotationStore(database),
    inject: [SEALING_DATABASE],
  },
  {
    provide: PostgresKeyAdministration,
    useFactory: (database: PostgresDatabase) => new PostgresKeyAdministration(database),
    inject: [SEALING_DATABASE],
  },
];

const work: Provider[] = [
  {
    provide: SealAnew,
    useFactory: (sealer: Sealer) =>
      new SealAnew(sealedColumnsInOrder, new PostgresSealedRows(), sealer),
    inject: [SEALER],
  },
  {
    provide: WrapAnew,
    useFactory: (keks: Keks, keys: PostgresKeyAdministration, database: PostgresDatabase) =>
      new WrapAnew(keks, keys, database),
    inject: [KEY_RING, PostgresKeyAdministration, SEALING_DATABASE],
  },
  {
    provide: AdvanceRotation,
    useFactory: (
      database: PostgresDatabase,
      store: PostgresKeyRotationStore,
      keys: PostgresKeyAdministration,
      sealer: KeyRingSealer,
      ...[sealing, wrapping, audit, crashPoint]: [SealAnew, WrapAnew, AuditLog, CrashPoint]
    ) =>
      new AdvanceRotation({ database, store, keys, sealer, sealing, wrapping, audit, crashPoint }),
    inject: [
      SEALING_DATABASE,
      PostgresKeyRotationStore,
      PostgresKeyAdministration,
      KeyRingSealer,
      SealAnew,
      WrapAnew,
      AUDIT_LOG,
      CRASH_POINT,
    ],
  },
  {
    provide: WORKER,
    useFactory: (rotation: AdvanceRotation, logger: VaultLogger) =>
      rotationWorker(rotation, logger),
    inject: [AdvanceRotation, LOGGER],
  },
];

const requests: Provider[] = [
  {
    provide: RequestRotation,
    useFactory: (
      database: PostgresDatabase,
      store: PostgresKeyRotationStore,
      keys: PostgresKeyAdministration,
      keks: Keks,
      ...[unsealing, audit]: [KeepUnsealed, AuditLog]
    ) => new RequestRotation({ database, store, keys, keks, unsealing, audit }),
    inject: [
      SEALING_DATABASE,
      PostgresKeyRotationStore,
      PostgresKeyAdministration,
      KEY_RING,
      KeepUnsealed,
      AUDIT_LOG,
    ],
  },
  {
    provide: KeyStatus,
    useFactory: (keks: Keks, keys: PostgresKeyAdministration, store: PostgresKeyRotationStore) =>
      new KeyStatus(keks, keys, store),
    inject: [KEY_RING, PostgresKeyAdministration, PostgresKeyRotationStore],
  },
];

/** Data keys and the key-encryption key change while everything goes on. */
@Global()
@Module({
  providers: [...stores, ...work, ...requests],
  exports: [KeyStatus, RequestRotation],
})
export class RotationModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(@Inject(WORKER) private readonly worker: Rounds) {}

  onApplicationBootstrap(): void {
    this.worker.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}
