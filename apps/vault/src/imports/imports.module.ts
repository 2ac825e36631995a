import { Global, Module } from '@nestjs/common';
import type { AuditLog } from '../audit/audit-log.js';
import { PostgresAdvisoryLocks } from '../database/postgres-advisory-locks.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { ConsentStore } from '../grants/consent-store.js';
import type { Grants } from '../grants/grants.js';
import { PostgresGrantStore } from '../grants/postgres-grant-store.js';
import type { VaultLogger } from '../log-events.js';
import type { Providers } from '../providers/provider.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { RequestSlots } from '../providers/request-slots.js';
import {
  AUDIT_LOG,
  CONSENT_STORE,
  DATABASE,
  GRANT_IMPORTS,
  GRANTS,
  LOGGER,
  PROVIDERS,
  REGISTRY,
} from '../tokens.js';
import { ImportGrant } from './import-grant.js';
import { ImportGrants } from './import-grants.js';

type ImportPorts = [
  PostgresDatabase,
  Grants,
  PostgresGrantStore,
  ConsentStore,
  Providers,
  PostgresAdvisoryLocks,
  RequestSlots,
  AuditLog,
];

/** Taking over what people granted elsewhere. */
@Global()
@Module({
  providers: [
    {
      provide: ImportGrant,
      useFactory: (
        ...[database, grants, store, consents, providers, locks, slots, audit]: ImportPorts
      ) => new ImportGrant({ database, grants, store, consents, providers, locks, slots, audit }),
      inject: [
        DATABASE,
        GRANTS,
        PostgresGrantStore,
        CONSENT_STORE,
        PROVIDERS,
        PostgresAdvisoryLocks,
        RequestSlots,
        AUDIT_LOG,
      ],
    },
    {
      provide: GRANT_IMPORTS,
      useFactory: (registry: Registry, one: ImportGrant, logger: VaultLogger) =>
        new ImportGrants(registry, one, logger),
      inject: [REGISTRY, ImportGrant, LOGGER],
    },
  ],
  exports: [GRANT_IMPORTS],
})
export class ImportsModule {}
