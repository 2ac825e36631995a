import { Global, Module } from '@nestjs/common';
import type { Clock } from '#lib/clock/clock';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { Sealer } from '../sealing/sealer.js';
import { ACCESS_TOKEN_KEYS, CLOCK, DATABASE, SEALER } from '../tokens.js';
import { PostgresAccessTokenKeys } from './postgres-access-token-keys.js';

/** The keys of the vault's own tokens, for whatever signs or verifies. */
@Global()
@Module({
  providers: [
    {
      provide: ACCESS_TOKEN_KEYS,
      useFactory: (database: PostgresDatabase, sealer: Sealer, clock: Clock) =>
        new PostgresAccessTokenKeys(database, sealer, clock),
      inject: [DATABASE, SEALER, CLOCK],
    },
  ],
  exports: [ACCESS_TOKEN_KEYS],
})
export class AccessTokenKeysModule {}
