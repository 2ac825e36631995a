import { Global, Inject, Module, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { VaultLogger } from '../log-events.js';
import { DATABASE, LOGGER } from '../tokens.js';
import { KeepChaining } from './keep-chaining.js';
import { PostgresAuditChain } from './postgres-audit-chain.js';
import { PostgresAuditRole } from './postgres-audit-role.js';

/** What happens to the audit log beside the recording: chaining. */
@Global()
@Module({
  providers: [
    {
      provide: KeepChaining,
      useFactory: (database: PostgresDatabase, logger: VaultLogger) =>
        new KeepChaining(new PostgresAuditChain(database), new PostgresAuditRole(database), logger),
      inject: [DATABASE, LOGGER],
    },
  ],
})
export class AuditModule implements OnModuleInit, OnModuleDestroy {
  constructor(@Inject(KeepChaining) private readonly chaining: KeepChaining) {}

  onModuleInit(): void {
    this.chaining.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.chaining.stop();
  }
}
