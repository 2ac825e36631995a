import { Global, Module } from '@nestjs/common';
import type { Clock } from '#lib/clock/clock';
import type { Outbound } from '#lib/outbound/outbound';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { Sealer } from '../sealing/sealer.js';
import { CLOCK, DATABASE, OUTBOUND, PROVIDERS, PUBLIC_URL, REGISTRY, SEALER } from '../tokens.js';
import { JwksController } from './jwks.controller.js';
import { OpenIdProviders } from './openid-providers.js';
import { PostgresSigningKeys } from './postgres-signing-keys.js';

/** The authorization servers of upstreams, and who we are there. */
@Global()
@Module({
  controllers: [JwksController],
  providers: [
    {
      provide: PostgresSigningKeys,
      useFactory: (database: PostgresDatabase, sealer: Sealer) =>
        new PostgresSigningKeys(database, sealer),
      inject: [DATABASE, SEALER],
    },
    {
      provide: PROVIDERS,
      useFactory: (...[publicUrl, outbound, registry, clock, keys]: Ports) =>
        new OpenIdProviders(publicUrl, outbound, registry, clock, { keys }),
      inject: [PUBLIC_URL, OUTBOUND, REGISTRY, CLOCK, PostgresSigningKeys],
    },
  ],
  exports: [PROVIDERS, PostgresSigningKeys],
})
export class ProvidersModule {}

type Ports = [string, Outbound, Registry, Clock, PostgresSigningKeys];
