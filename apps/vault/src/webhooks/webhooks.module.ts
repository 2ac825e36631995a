import {
  type BeforeApplicationShutdown,
  Global,
  Inject,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { Clock } from '#lib/clock/clock';
import type { Outbound } from '#lib/outbound/outbound';
import type { AuditLog } from '../audit/audit-log.js';
import type { CrashPoint } from '../database/crash-point.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import type { VaultLogger } from '../log-events.js';
import { OutboxWorker } from '../outbox/outbox-worker.js';
import { PostgresRegistryStore } from '../registry/postgres-registry-store.js';
import type { Registry } from '../registry/registry-snapshot.js';
import {
  AUDIT_LOG,
  CLOCK,
  CRASH_POINT,
  DATABASE,
  EVENT_PUBLISHER,
  LOGGER,
  OUTBOUND,
  REGISTRY,
} from '../tokens.js';
import { DeliverWebhook } from './deliver-webhook.js';
import { DisableWebhook } from './disable-webhook.js';
import { DueDeliveries } from './due-deliveries.js';
import { PostgresWebhookDeliveries } from './postgres-webhook-deliveries.js';
import { type LeasedDelivery, PostgresWebhookStore } from './postgres-webhook-store.js';
import { WebhookDesk } from './webhook-desk.js';

const atOncePerEndpoint = 4;
const WORKER = Symbol('OutboxWorker of webhooks');

type DeliveryPorts = [
  PostgresDatabase,
  PostgresWebhookStore,
  Registry,
  Outbound,
  AuditLog,
  Clock,
  VaultLogger,
  PostgresRegistryStore,
  EventPublisher,
  CrashPoint,
];

/** Tells the endpoints of administrators what becomes of grants. */
@Global()
@Module({
  providers: [
    {
      provide: PostgresWebhookStore,
      useFactory: (database: PostgresDatabase) => new PostgresWebhookStore(database),
      inject: [DATABASE],
    },
    {
      provide: PostgresWebhookDeliveries,
      useFactory: (database: PostgresDatabase) => new PostgresWebhookDeliveries(database),
      inject: [DATABASE],
    },
    {
      provide: DeliverWebhook,
      useFactory: (...given: DeliveryPorts) => deliverWebhook(...given),
      inject: [
        DATABASE,
        PostgresWebhookStore,
        REGISTRY,
        OUTBOUND,
        AUDIT_LOG,
        CLOCK,
        LOGGER,
        PostgresRegistryStore,
        EVENT_PUBLISHER,
        CRASH_POINT,
      ],
    },
    {
      provide: WebhookDesk,
      useFactory: (
        database: PostgresDatabase,
        registry: Registry,
        store: PostgresWebhookStore,
        deliveries: PostgresWebhookDeliveries,
        ...[deliver, audit]: [DeliverWebhook, AuditLog]
      ) => new WebhookDesk({ database, registry, store, deliveries, deliver, audit }),
      inject: [
        DATABASE,
        REGISTRY,
        PostgresWebhookStore,
        PostgresWebhookDeliveries,
        DeliverWebhook,
        AUDIT_LOG,
      ],
    },
    {
      provide: WORKER,
      useFactory: (
        store: PostgresWebhookStore,
        deliver: DeliverWebhook,
        registry: Registry,
        logger: VaultLogger,
      ) =>
        new OutboxWorker(new DueDeliveries(store, deliver, registry), {
          atOncePerLane: atOncePerEndpoint,
          onError: (err) => logger.error({ event: 'webhook.scan_failed', err }),
        }),
      inject: [PostgresWebhookStore, DeliverWebhook, REGISTRY, LOGGER],
    },
  ],
  exports: [PostgresWebhookStore, PostgresWebhookDeliveries, WebhookDesk],
})
export class WebhooksModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(@Inject(WORKER) private readonly worker: OutboxWorker<LeasedDelivery>) {}

  onApplicationBootstrap(): void {
    this.worker.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}

function deliverWebhook(
  ...[
    database,
    store,
    registry,
    outbound,
    audit,
    clock,
    logger,
    resources,
    events,
    crashPoint,
  ]: DeliveryPorts
): DeliverWebhook {
  const disable = new DisableWebhook({
    ...{ database, registry, resources, audit, events },
    deliveries: store,
  });
  return new DeliverWebhook({
    ...{ database, store, registry, outbound, disable, audit, clock, logger, crashPoint },
  });
}
