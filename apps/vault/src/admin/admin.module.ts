import {
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '#lib/clock/clock';
import type { JwksCache } from '#lib/jwt/jwks-cache';
import type { TokenVerifier } from '#lib/jwt/token-verifier';
import { ReadinessChecks } from '#lib/observability/health';
import type { Logger } from '#lib/observability/logger';
import type { Outbound } from '#lib/outbound/outbound';
import type { AuditLog } from '../audit/audit-log.js';
import { PostgresAuditExport } from '../audit/postgres-audit-export.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import { PostgresSigningKeys } from '../providers/postgres-signing-keys.js';
import type { Providers } from '../providers/provider.js';
import { RegisterClient } from '../providers/register-client.js';
import { ApplyBootstrap } from '../registry/apply-bootstrap.js';
import { PostgresRegistryStore } from '../registry/postgres-registry-store.js';
import { MoveIssuer } from '../registry/move-issuer.js';
import type { GrantSuspender } from '../registry/registry-effects.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { RegistryWriter } from '../registry/registry-writer.js';
import { ResourceChecks } from '../registry/resource-checks.js';
import type { Sealer } from '../sealing/sealer.js';
import {
  ADMIN_SETTINGS,
  AUDIT_LOG,
  CLOCK,
  DATABASE,
  EVENT_PUBLISHER,
  GRANTS,
  JWKS_CACHE,
  LOGGER,
  OUTBOUND,
  PROVIDERS,
  PUBLIC_URL,
  REGISTRY,
  SEALER,
  TOKEN_VERIFIER,
} from '../tokens.js';
import { AdminAuthentication } from './admin-authentication.js';
import { addAdminContentTypes } from './admin-content-types.js';
import type { AdminSettings } from './admin-settings.js';
import { AuditEventsController } from './audit-events.controller.js';
import { CollectionsController } from './collections.controller.js';
import { ExplainCallerToken } from './explain-caller-token.js';
import { GrantsController } from './grants.controller.js';
import { GrantsImportController } from './grants-import.controller.js';
import { IssuerMoveController } from './issuer-move.controller.js';
import { IssuerTestController } from './issuer-test.controller.js';
import { KeysController } from './keys.controller.js';
import { LeaversController } from './leavers.controller.js';
import { OAuthClientTestController } from './oauth-client-test.controller.js';
import { OpenApiController } from './openapi.controller.js';
import { PolicyController } from './policy.controller.js';
import { PortableController } from './portable.controller.js';
import { PortableRegistry } from './portable-registry.js';
import { PostgresAdminJournal } from './postgres-admin-journal.js';
import { PostgresAuditEvents } from './postgres-audit-events.js';
import { PostgresConsentVoider } from './postgres-consent-voider.js';
import { PostgresGrantList } from './postgres-grant-list.js';
import { PostgresResourceDependents } from './postgres-resource-dependents.js';
import { PostgresSessionEnder } from './postgres-session-ender.js';
import { RecoveriesController } from './recoveries.controller.js';
import { RegisterAgain } from './register-again.js';
import { RotateSigningKey } from './rotate-signing-key.js';
import { ScimAccessController } from './scim-access.controller.js';
import { ListPages } from './list-page.js';
import { SealedCursors } from './sealed-cursor.js';
import { TemplatesController } from './templates.controller.js';
import { TestOAuthClient } from './test-oauth-client.js';
import { SignInClientsController } from './sign-in-clients.controller.js';
import { UpstreamToolsController } from './upstream-tools.controller.js';
import { WebhooksController } from './webhooks.controller.js';

@Module({
  controllers: [
    IssuerTestController,
    IssuerMoveController,
    OAuthClientTestController,
    TemplatesController,
    GrantsController,
    GrantsImportController,
    KeysController,
    LeaversController,
    ScimAccessController,
    SignInClientsController,
    RecoveriesController,
    AuditEventsController,
    WebhooksController,
    UpstreamToolsController,
    PolicyController,
    PortableController,
    OpenApiController,
    CollectionsController,
  ],
  providers: [
    {
      provide: AdminAuthentication,
      useFactory: (
        settings: AdminSettings,
        registry: Registry,
        verifier: TokenVerifier,
        journal: PostgresAdminJournal,
      ) => new AdminAuthentication({ ...settings, registry, verifier, journal }),
      inject: [ADMIN_SETTINGS, REGISTRY, TOKEN_VERIFIER, PostgresAdminJournal],
    },
    {
      provide: PostgresAdminJournal,
      useFactory: (database: PostgresDatabase, audit: AuditLog) =>
        new PostgresAdminJournal(database, audit),
      inject: [DATABASE, AUDIT_LOG],
    },
    {
      provide: PortableRegistry,
      useFactory: (store: PostgresRegistryStore, writer: RegistryWriter) =>
        new PortableRegistry(store, writer),
      inject: [PostgresRegistryStore, RegistryWriter],
    },
    {
      provide: ApplyBootstrap,
      useFactory: (writer: RegistryWriter, logger: Logger, settings: AdminSettings) =>
        new ApplyBootstrap(writer, logger, settings.bootstrap ?? []),
      inject: [RegistryWriter, LOGGER, ADMIN_SETTINGS],
    },
    {
      provide: PostgresGrantList,
      useFactory: (database: PostgresDatabase, registry: Registry) =>
        new PostgresGrantList(database, registry),
      inject: [DATABASE, REGISTRY],
    },
    {
      provide: PostgresAuditEvents,
      useFactory: (database: PostgresDatabase) => new PostgresAuditEvents(database),
      inject: [DATABASE],
    },
    {
      provide: PostgresAuditExport,
      useFactory: (database: PostgresDatabase) => new PostgresAuditExport(database),
      inject: [DATABASE],
    },
    {
      provide: ListPages,
      useFactory: (sealer: Sealer, publicUrl: string) =>
        new ListPages(new SealedCursors(sealer), publicUrl),
      inject: [SEALER, PUBLIC_URL],
    },
    {
      provide: RegistryWriter,
      useFactory: (...given: Parameters<typeof registryWriter>) => registryWriter(...given),
      inject: [
        DATABASE,
        PostgresRegistryStore,
        REGISTRY,
        OUTBOUND,
        AUDIT_LOG,
        EVENT_PUBLISHER,
        GRANTS,
        PUBLIC_URL,
      ],
    },
    {
      provide: MoveIssuer,
      useFactory: (...[registry, outbound, keys, clock, writer]: MovePorts) =>
        new MoveIssuer({ registry, outbound, keys, clock, writer }),
      inject: [REGISTRY, OUTBOUND, JWKS_CACHE, CLOCK, RegistryWriter],
    },
    {
      provide: TestOAuthClient,
      useFactory: (...[registry, store, outbound, providers, register, publicUrl]: TestPorts) =>
        new TestOAuthClient({ registry, store, outbound, providers, register, publicUrl }),
      inject: [REGISTRY, PostgresRegistryStore, OUTBOUND, PROVIDERS, RegisterClient, PUBLIC_URL],
    },
    {
      provide: RegisterAgain,
      useFactory: (...[registry, register, outbound, database, grants, audit]: RegisterPorts) =>
        new RegisterAgain({ registry, register, outbound, database, grants, audit }),
      inject: [REGISTRY, RegisterClient, OUTBOUND, DATABASE, GRANTS, AUDIT_LOG],
    },
    {
      provide: RotateSigningKey,
      useFactory: (...[registry, keys, database, audit]: RotationPorts) =>
        new RotateSigningKey(registry, keys, database, audit),
      inject: [REGISTRY, PostgresSigningKeys, DATABASE, AUDIT_LOG],
    },
    {
      provide: ExplainCallerToken,
      useFactory: (registry: Registry, keys: JwksCache, clock: Clock) =>
        new ExplainCallerToken(registry, keys, clock),
      inject: [REGISTRY, JWKS_CACHE, CLOCK],
    },
  ],
  exports: [RegistryWriter],
})
export class AdminModule implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(ApplyBootstrap) private readonly bootstrap: ApplyBootstrap,
    @Inject(ReadinessChecks) private readonly readiness: ReadinessChecks,
  ) {}

  onModuleInit(): void {
    addAdminContentTypes(this.host.httpAdapter.getInstance<FastifyInstance>());
    this.readiness.add('bootstrap', () => this.bootstrap.pending);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.bootstrap.start();
  }

  onModuleDestroy(): void {
    this.bootstrap.stop();
  }
}

type RotationPorts = [Registry, PostgresSigningKeys, PostgresDatabase, AuditLog];

type MovePorts = [Registry, Outbound, JwksCache, Clock, RegistryWriter];

type TestPorts = [Registry, PostgresRegistryStore, Outbound, Providers, RegisterClient, string];

type RegisterPorts = [
  Registry,
  RegisterClient,
  Outbound,
  PostgresDatabase,
  GrantSuspender,
  AuditLog,
];

type WriterPorts = [
  PostgresDatabase,
  PostgresRegistryStore,
  Registry,
  Outbound,
  AuditLog,
  EventPublisher,
  GrantSuspender,
  string,
];

function registryWriter(
  ...[database, store, registry, outbound, audit, events, grants, publicUrl]: WriterPorts
): RegistryWriter {
  return new RegistryWriter({
    database,
    store,
    registry,
    checks: new ResourceChecks(outbound, publicUrl),
    effects: {
      grants,
      consents: new PostgresConsentVoider(events, audit),
      sessions: new PostgresSessionEnder(),
      dependents: new PostgresResourceDependents(),
    },
    audit,
    events,
  });
}
