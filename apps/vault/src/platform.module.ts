import {
  type DynamicModule,
  Global,
  Inject,
  Module,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import { SynchronisedClock } from '#lib/clock/clock';
import { ReadinessChecks } from '#lib/observability/health';
import { Outbound } from '#lib/outbound/outbound';
import type { Tracing } from '#lib/tracing/tracing';
import { PostgresAuditLog } from './audit/postgres-audit-log.js';
import type { AdminSettings } from './admin/admin-settings.js';
import type { VaultConfig } from './config.js';
import { crashAt, noCrash } from './database/crash-point.js';
import { PostgresDatabase } from './database/postgres-database.js';
import { PostgresEventBus } from './events/postgres-event-bus.js';
import type { VaultLogger } from './log-events.js';
import {
  ADMIN_SETTINGS,
  AUDIT_LOG,
  CLOCK,
  CONFIG,
  CRASH_POINT,
  DATABASE,
  EVENT_PUBLISHER,
  EVENT_SOURCE,
  LOGGER,
  OUTBOUND,
  PUBLIC_URL,
} from './tokens.js';

/** What every feature stands on: clock, log, database, audit, events, outbound HTTP. */
@Global()
@Module({})
export class PlatformModule implements OnApplicationShutdown {
  constructor(
    @Inject(DATABASE) private readonly database: PostgresDatabase,
    @Inject(PostgresEventBus) private readonly bus: PostgresEventBus,
    @Inject(OUTBOUND) private readonly outbound: Outbound,
  ) {}

  static for(config: VaultConfig, logger: VaultLogger, tracing?: Tracing): DynamicModule {
    const providers = [
      ...values(config, logger, tracing),
      ...storage(config, logger),
      readiness(logger),
    ];
    return { module: PlatformModule, providers, exports: providers };
  }

  /** After every other feature: they may still store what they were at. */
  async onApplicationShutdown(): Promise<void> {
    await this.bus.stop();
    await this.outbound.close();
    await this.database.close();
  }
}

function values(
  config: VaultConfig,
  logger: VaultLogger,
  tracing: Tracing | undefined,
): Provider[] {
  const {
    adminToken: bootstrapToken,
    adminRecovery: recovery,
    bootstrap,
    mode,
    outboundAllow: allow,
  } = config;
  const adminSettings: AdminSettings = { bootstrapToken, recovery, bootstrap };
  return [
    { provide: CONFIG, useValue: config },
    { provide: LOGGER, useValue: logger },
    { provide: PUBLIC_URL, useValue: config.publicUrl },
    { provide: ADMIN_SETTINGS, useValue: adminSettings },
    {
      provide: CRASH_POINT,
      useValue: config.crashAt === undefined ? noCrash : crashAt(config.crashAt),
    },
    { provide: OUTBOUND, useFactory: () => new Outbound({ mode, allow, tracing }) },
    { provide: SynchronisedClock, useFactory: () => new SynchronisedClock() },
    { provide: CLOCK, useExisting: SynchronisedClock },
  ];
}

function storage({ databaseUrl: url }: VaultConfig, logger: VaultLogger): Provider[] {
  return [
    {
      provide: DATABASE,
      useFactory: () => new PostgresDatabase({ url, purpose: 'requests', maxConnections: 10 }),
    },
    { provide: AUDIT_LOG, useFactory: () => new PostgresAuditLog() },
    {
      provide: PostgresEventBus,
      useFactory: async (clock: SynchronisedClock) => {
        const bus = new PostgresEventBus(url, clock, logger);
        await bus.start();
        return bus;
      },
      inject: [SynchronisedClock],
    },
    { provide: EVENT_PUBLISHER, useExisting: PostgresEventBus },
    { provide: EVENT_SOURCE, useExisting: PostgresEventBus },
  ];
}

function readiness(logger: VaultLogger): Provider {
  return {
    provide: ReadinessChecks,
    useFactory: () =>
      new ReadinessChecks((check, err) => logger.error({ event: 'readiness.failed', check, err })),
  };
}
