import { Global, Inject, Module, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { VaultLogger } from '../log-events.js';
import { AUDIT_LOG, DATABASE, LOGGER, REFUSALS } from '../tokens.js';
import type { AuditLog } from './audit-log.js';
import { CountedRefusals } from './counted-refusals.js';
import { KeepChaining } from './keep-chaining.js';
import { PostgresAuditChain } from './postgres-audit-chain.js';
import { PostgresAuditRole } from './postgres-audit-role.js';

/** What goes on beside the recording: chaining, and the counting of what was refused. */
@Global()
@Module({
  providers: [
    {
      provide: KeepChaining,
      useFactory: (database: PostgresDatabase, logger: VaultLogger) =>
        new KeepChaining(new PostgresAuditChain(database), new PostgresAuditRole(database), logger),
      inject: [DATABASE, LOGGER],
    },
    {
      provide: CountedRefusals,
      useFactory: (database: PostgresDatabase, audit: AuditLog, logger: VaultLogger) =>
        new CountedRefusals(database, audit, logger),
      inject: [DATABASE, AUDIT_LOG, LOGGER],
    },
    { provide: REFUSALS, useExisting: CountedRefusals },
  ],
  exports: [REFUSALS],
})
export class AuditModule implements OnModuleInit, OnModuleDestroy {
  constructor(
    @Inject(KeepChaining) private readonly chaining: KeepChaining,
    @Inject(CountedRefusals) private readonly refusals: CountedRefusals,
  ) {}

  onModuleInit(): void {
    this.chaining.start();
    this.refusals.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.refusals.stop();
    await this.chaining.stop();
  }
}
