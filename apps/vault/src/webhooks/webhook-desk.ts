import { Problem } from '#lib/problem/problem';
import type { AuditActor, AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { Webhook } from '../registry/domain/webhook.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';
import type { DeliverWebhook } from './deliver-webhook.js';
import type { DeliveryEntry, PostgresWebhookDeliveries } from './postgres-webhook-deliveries.js';
import type { PostgresWebhookStore } from './postgres-webhook-store.js';

export interface WebhookDeskParts {
  readonly database: Database;
  readonly registry: Registry;
  readonly store: PostgresWebhookStore;
  readonly deliveries: PostgresWebhookDeliveries;
  readonly deliver: DeliverWebhook;
  readonly audit: AuditLog;
}

interface Asking {
  readonly actor: AuditActor;
  readonly requestId: string;
}

/** What an administrator does with an endpoint beside registering it. All throw Problem. */
export class WebhookDesk {
  constructor(private readonly parts: WebhookDeskParts) {}

  async endpoint(slug: string): Promise<Stored<Webhook>> {
    const endpoint = (await this.parts.registry.refresh()).webhook(slug);
    if (endpoint) return endpoint;
    throw new Problem('not-found', `There is no webhook "${slug}".`);
  }

  /** Sends one message now, also to an endpoint that is disabled, and never again. */
  async test(slug: string, asking: Asking): Promise<DeliveryEntry> {
    const endpoint = await this.endpoint(slug);
    const delivery = await this.parts.store.addTest(endpoint.id, { webhook: slug });
    await this.parts.deliver.attempt(delivery, { once: true });
    const entry = await this.#entry(endpoint, delivery.id);
    const outcome = entry.state === 'delivered' ? 'success' : 'failed';
    await this.#record('webhook.tested', outcome, endpoint, delivery.id, asking);
    return entry;
  }

  async redeliver(slug: string, id: string, asking: Asking): Promise<DeliveryEntry> {
    const endpoint = await this.endpoint(slug);
    await this.#entry(endpoint, id);
    const queued = await this.parts.database.transaction((tx) =>
      this.parts.deliveries.queueAgain(tx, endpoint.id, id),
    );
    if (!queued)
      throw new Problem('conflict', 'It is being sent now. Look at it again in a minute.');
    await this.#record('webhook.redelivered', 'success', endpoint, id, asking);
    return this.#entry(endpoint, id);
  }

  async #entry(endpoint: Stored<Webhook>, id: string): Promise<DeliveryEntry> {
    const entry = await this.parts.deliveries.byId(endpoint.id, id);
    if (entry) return entry;
    throw new Problem('not-found', 'This webhook has no such delivery.');
  }

  async #record(
    action: string,
    outcome: 'success' | 'failed',
    { document }: Stored<Webhook>,
    ...[delivery, { actor, requestId }]: [string, Asking]
  ): Promise<void> {
    const target = { webhook: document.slug, delivery };
    await this.parts.database.transaction((tx) =>
      this.parts.audit.record(tx, { action, outcome, actor, target, requestId }),
    );
  }
}
