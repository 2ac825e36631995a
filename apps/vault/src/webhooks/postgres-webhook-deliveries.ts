import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';

/** A delivery as an administrator sees it. */
export interface DeliveryEntry {
  readonly id: string;
  /** The `webhook-id` header, the same at every attempt. */
  readonly messageId: string;
  readonly type: string;
  readonly state: 'pending' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly lastAttemptAt: Date | null;
  /** HTTP status of the last answer; null if there was none. */
  readonly lastStatus: number | null;
  readonly lastError: string | null;
  readonly nextAttemptAt: Date | null;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
  readonly payload: Readonly<Record<string, unknown>>;
}

type Row = DeliveryEntry & { readonly sequence: string };

/** The `webhook-id` of a delivery. */
export function messageIdOf(deliveryId: string): string {
  return `msg_${deliveryId.replaceAll('-', '')}`;
}

const columns = `d.sequence::text AS sequence, d.id, d.type, d.state, d.attempts,
  d.last_attempt_at AS "lastAttemptAt", d.last_status AS "lastStatus", d.last_error AS "lastError",
  d.next_attempt_at AS "nextAttemptAt", d.created_at AS "createdAt", d.ended_at AS "endedAt",
  d.payload::json AS payload`;

/** Reads the deliveries of an endpoint, newest first, and queues one again. */
export class PostgresWebhookDeliveries {
  constructor(private readonly database: PostgresDatabase) {}

  async list(
    webhookId: string,
    { state }: { readonly state?: string },
    page: { readonly before: string; readonly limit: number },
  ): Promise<{ position: string; entry: DeliveryEntry }[]> {
    const rows = await this.database.query<Row>(
      `SELECT ${columns} FROM webhook_delivery d
        WHERE d.webhook_id = $1 AND ($2::text IS NULL OR d.state = $2)
          AND ($3 = '' OR d.sequence < nullif($3, '')::bigint)
        ORDER BY d.sequence DESC LIMIT $4`,
      [webhookId, state ?? null, page.before, page.limit],
    );
    return rows.map((row) => ({ position: row.sequence, entry: entryOf(row) }));
  }

  async byId(webhookId: string, id: string): Promise<DeliveryEntry | undefined> {
    const [row] = await this.database.query<Row>(
      `SELECT ${columns} FROM webhook_delivery d WHERE d.webhook_id = $1 AND d.id = $2`,
      [webhookId, id],
    );
    return row && entryOf(row);
  }

  /** The same message under the same id, from the beginning of the schedule. False while it is being sent. */
  async queueAgain(tx: Transaction, webhookId: string, id: string): Promise<boolean> {
    const rows = await queryOf(tx)(
      `UPDATE webhook_delivery
          SET state = 'pending', attempts = 0, lease_id = NULL, next_attempt_at = now(), queued_at = now(),
              ended_at = NULL
        WHERE webhook_id = $1 AND id = $2 AND (lease_id IS NULL OR next_attempt_at <= now()) RETURNING id`,
      [webhookId, id],
    );
    return rows.length > 0;
  }
}

function entryOf({ sequence: _, ...row }: Row): DeliveryEntry {
  return { ...row, messageId: messageIdOf(row.id) };
}
