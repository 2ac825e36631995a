import type { AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import type { Webhook } from '../registry/domain/webhook.js';
import type { PostgresRegistryStore } from '../registry/postgres-registry-store.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';
import type { PostgresWebhookStore } from './postgres-webhook-store.js';

const maxAttempts = 10;
const reason =
  'The receiver answered 410 Gone, so the webhook was disabled. Enable it again by PATCH.';

export interface DisableWebhookParts {
  readonly database: Database;
  readonly registry: Registry;
  readonly resources: PostgresRegistryStore;
  readonly deliveries: PostgresWebhookStore;
  readonly audit: AuditLog;
  readonly events: EventPublisher;
}

/** Takes a receiver at its word that it wants nothing more. */
export class DisableWebhook {
  constructor(private readonly parts: DisableWebhookParts) {}

  async gone(endpoint: Stored<Webhook>): Promise<void> {
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) if (await this.#try(endpoint)) break;
    await this.parts.registry.refresh();
  }

  /** False if somebody else changed the registry meanwhile. */
  async #try({ id, version: seen, document }: Stored<Webhook>): Promise<boolean> {
    const { resources, database, deliveries, audit, events } = this.parts;
    const { version: known, rows } = await resources.load();
    const row = rows.find((one) => one.id === id);
    // Changed since: whoever did that may well have given another address.
    if (row === undefined || row.version !== seen) return true;
    return database.transaction(async (tx) => {
      const version = await resources.advance(tx, known);
      if (version === undefined) return false;
      await resources.update(tx, id, {
        document: { ...row.document, enabled: false },
        checkFailure: reason,
      });
      await deliveries.endAll(tx, id, 'The receiver answered 410 to another message.');
      await audit.record(tx, {
        action: 'webhook.disabled',
        outcome: 'success',
        actor: { kind: 'vault' },
        target: { webhook: document.slug },
        detail: { status: 410 },
      });
      await events.publish(tx, { type: 'config', version: String(version) });
      return true;
    });
  }
}
