import { type DynamicModule, Module } from '@nestjs/common';
import type { Logger } from '#lib/observability/logger';
import type { Tracing } from '#lib/tracing/tracing';
import { AdminModule } from './admin/admin.module.js';
import { AuditModule } from './audit/audit.module.js';
import { AccessTokenKeysModule } from './authorization-server/access-token-keys.module.js';
import { AuthorizationServerModule } from './authorization-server/authorization-server.module.js';
import type { VaultConfig } from './config.js';
import { ConnectModule } from './connect/connect.module.js';
import { ExchangeModule } from './exchange/exchange.module.js';
import { ExternalModule } from './external/external.module.js';
import { GrantsModule } from './grants/grants.module.js';
import { HealthModule } from './health.module.js';
import { ImportsModule } from './imports/imports.module.js';
import { InteractionsModule } from './interactions/interactions.module.js';
import { LeaversModule } from './leavers/leavers.module.js';
import { MachineClientsModule } from './machine-clients/machine-clients.module.js';
import { PlatformModule } from './platform.module.js';
import { PolicyModule } from './policy/policy.module.js';
import { ProvidersModule } from './providers/providers.module.js';
import { RecoveryModule } from './recovery/recovery.module.js';
import { RegistryModule } from './registry/registry.module.js';
import { RotationModule } from './rotation/rotation.module.js';
import { ScimModule } from './scim/scim.module.js';
import { SealingModule } from './sealing/sealing.module.js';
import { SessionsModule } from './sessions/sessions.module.js';
import { WebModule } from './web/web.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';

/** The vault's features. */
@Module({})
export class AppModule {
  static for(config: VaultConfig, logger: Logger, tracing?: Tracing): DynamicModule {
    return {
      module: AppModule,
      imports: [
        PlatformModule.for(config, logger, tracing),
        AuditModule,
        SealingModule.for(config, logger),
        AccessTokenKeysModule,
        RegistryModule,
        ProvidersModule,
        MachineClientsModule,
        WebhooksModule,
        PolicyModule,
        GrantsModule,
        ImportsModule,
        InteractionsModule,
        SessionsModule,
        ConnectModule,
        ExternalModule,
        AuthorizationServerModule,
        LeaversModule,
        ScimModule,
        WebModule,
        ExchangeModule,
        AdminModule,
        RecoveryModule,
        RotationModule,
        HealthModule,
      ],
    };
  }
}
