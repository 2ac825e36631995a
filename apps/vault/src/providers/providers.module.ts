import { Global, Module } from '@nestjs/common';
import type { Clock } from '#lib/clock/clock';
import type { Outbound } from '#lib/outbound/outbound';
import type { AuditLog } from '../audit/audit-log.js';
import type { VaultConfig } from '../config.js';
import { PostgresAdvisoryLocks } from '../database/postgres-advisory-locks.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import { PostgresRegistryStore } from '../registry/postgres-registry-store.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { Sealer } from '../sealing/sealer.js';
import {
  AUDIT_LOG,
  CLOCK,
  CONFIG,
  DATABASE,
  OUTBOUND,
  PROVIDERS,
  PUBLIC_URL,
  REGISTRY,
  SEALER,
} from '../tokens.js';
import { ClientDocumentsController } from './client-documents.controller.js';
import { OpenIdProviders, type OwnMeans } from './openid-providers.js';
import { PostgresRegistrations } from './postgres-registrations.js';
import { PostgresSigningKeys } from './postgres-signing-keys.js';
import { RegisterClient } from './register-client.js';
import { RequestSlots } from './request-slots.js';

/** The authorization servers of upstreams, and who we are there. */
@Global()
@Module({
  controllers: [ClientDocumentsController],
  providers: [
    {
      provide: PostgresSigningKeys,
      useFactory: (database: PostgresDatabase, sealer: Sealer) =>
        new PostgresSigningKeys(database, sealer),
      inject: [DATABASE, SEALER],
    },
    {
      provide: PostgresAdvisoryLocks,
      useFactory: (config: VaultConfig) => new PostgresAdvisoryLocks(config.databaseUrl),
      inject: [CONFIG],
    },
    {
      provide: RequestSlots,
      useFactory: (locks: PostgresAdvisoryLocks) => new RequestSlots(locks),
      inject: [PostgresAdvisoryLocks],
    },
    {
      provide: RegisterClient,
      useFactory: (
        ...[publicUrl, outbound, clock, database, sealer, store, audit]: RegisterPorts
      ) =>
        new RegisterClient({
          ...{ publicUrl, outbound, clock },
          registrations: new PostgresRegistrations(database, sealer, audit),
          note: (id, failure) => store.recordCheck(id, failure),
        }),
      inject: [PUBLIC_URL, OUTBOUND, CLOCK, DATABASE, SEALER, PostgresRegistryStore, AUDIT_LOG],
    },
    {
      provide: PROVIDERS,
      useFactory: (...[publicUrl, outbound, registry, clock, ...own]: Ports) =>
        new OpenIdProviders(publicUrl, outbound, registry, clock, ownMeans(...own)),
      inject: [
        PUBLIC_URL,
        OUTBOUND,
        REGISTRY,
        CLOCK,
        PostgresSigningKeys,
        RegisterClient,
        RequestSlots,
      ],
    },
  ],
  exports: [PROVIDERS, RegisterClient, PostgresSigningKeys, PostgresAdvisoryLocks, RequestSlots],
})
export class ProvidersModule {}

type Own = [PostgresSigningKeys, RegisterClient, RequestSlots];
type Ports = [string, Outbound, Registry, Clock, ...Own];
type RegisterPorts = [
  ...[string, Outbound, Clock, PostgresDatabase, Sealer],
  ...[PostgresRegistryStore, AuditLog],
];

function ownMeans(...[keys, register, slots]: Own): OwnMeans {
  return { keys, register, slots };
}
