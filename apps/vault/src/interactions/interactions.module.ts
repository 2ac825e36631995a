import { Inject, Module } from '@nestjs/common';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import type { VaultLogger } from '../log-events.js';
import type { AuditLog } from '../audit/audit-log.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import type { Registry } from '../registry/registry-snapshot.js';
import {
  AUDIT_LOG,
  DATABASE,
  EVENT_PUBLISHER,
  INTERACTIONS,
  LOGGER,
  PUBLIC_URL,
  REGISTRY,
} from '../tokens.js';
import { ExpireInteractions } from './expire-interactions.js';
import { InteractionEvents } from './interaction-events.js';
import { OpenInteraction } from './open-interaction.js';
import { PostgresInteractionStore } from './postgres-interaction-store.js';

const sweepMs = 5_000;
const sweepsPerForget = 60;

/** Pending requests for consent; sweeps the expired ones. */
@Module({
  providers: [
    {
      provide: PostgresInteractionStore,
      useFactory: (database: PostgresDatabase) => new PostgresInteractionStore(database),
      inject: [DATABASE],
    },
    {
      provide: InteractionEvents,
      useFactory: (events: EventPublisher, registry: Registry, audit: AuditLog) =>
        new InteractionEvents(events, registry, audit),
      inject: [EVENT_PUBLISHER, REGISTRY, AUDIT_LOG],
    },
    {
      provide: OpenInteraction,
      useFactory: (
        database: PostgresDatabase,
        store: PostgresInteractionStore,
        publicUrl: string,
        events: InteractionEvents,
        ...[registry]: [Registry]
      ) => new OpenInteraction({ database, store, publicUrl }, events, registry),
      inject: [DATABASE, PostgresInteractionStore, PUBLIC_URL, InteractionEvents, REGISTRY],
    },
    { provide: INTERACTIONS, useExisting: OpenInteraction },
    {
      provide: ExpireInteractions,
      useFactory: (
        database: PostgresDatabase,
        store: PostgresInteractionStore,
        events: InteractionEvents,
      ) => new ExpireInteractions(database, store, events),
      inject: [DATABASE, PostgresInteractionStore, InteractionEvents],
    },
  ],
  exports: [INTERACTIONS, OpenInteraction, PostgresInteractionStore, InteractionEvents],
})
export class InteractionsModule implements OnApplicationBootstrap, OnApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;
  #sweeps = 0;

  constructor(
    @Inject(ExpireInteractions) private readonly expire: ExpireInteractions,
    @Inject(PostgresInteractionStore) private readonly store: PostgresInteractionStore,
    @Inject(LOGGER) private readonly logger: VaultLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.#sweep(), sweepMs);
    this.#timer.unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  async #sweep(): Promise<void> {
    try {
      await this.expire.run();
      if (this.#sweeps++ % sweepsPerForget === 0) await this.store.forget();
    } catch (err) {
      this.logger.warn({ event: 'interactions.sweep_failed', err });
    }
  }
}
