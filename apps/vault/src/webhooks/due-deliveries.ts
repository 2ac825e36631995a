import type { Outbox } from '../outbox/outbox-worker.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { DeliverWebhook } from './deliver-webhook.js';
import type { LeasedDelivery, PostgresWebhookStore } from './postgres-webhook-store.js';

/** Deliveries as an outbox: each endpoint is a lane, so that one which hangs holds up no other. */
export class DueDeliveries implements Outbox<LeasedDelivery> {
  constructor(
    private readonly store: PostgresWebhookStore,
    private readonly deliver: DeliverWebhook,
    private readonly registry: Registry,
  ) {}

  lanes(): readonly string[] {
    return this.registry
      .current()
      .webhooks.filter(({ document }) => document.enabled)
      .map(({ id }) => id);
  }

  claim(room: ReadonlyMap<string, number>): Promise<readonly LeasedDelivery[]> {
    return this.store.claim(room);
  }

  laneOf({ webhookId }: LeasedDelivery): string {
    return webhookId;
  }

  attempt(delivery: LeasedDelivery, signal: AbortSignal): Promise<void> {
    return this.deliver.attempt(delivery, { signal });
  }

  tidy(): Promise<void> {
    return this.store.prune();
  }
}
