import { randomUUID } from 'node:crypto';
import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { WebhookMessage, WebhookOutbox } from './webhook-outbox.js';

/** A delivery that this process may attempt until its lease runs out. */
export interface LeasedDelivery {
  readonly id: string;
  readonly leaseId: string;
  readonly webhookId: string;
  readonly type: string;
  /** The body, byte for byte. */
  readonly payload: string;
  /** Finished attempts before this one. */
  readonly attempts: number;
}

/** How an attempt ended: `seconds` until the next one, or a state for good. */
export interface AttemptOutcome {
  readonly state: 'delivered' | 'failed' | 'pending';
  readonly seconds?: number;
  readonly status?: number;
  readonly error?: string;
}

// Longer than an attempt can last: after a crash somebody else repeats it, and not before.
const leaseSeconds = 60;
// Endpoints that are disabled keep what is owed to them for so long.
const longestDays = 5;

const leased = `d.id, d.lease_id AS "leaseId", d.webhook_id AS "webhookId", d.type, d.payload, d.attempts`;

/** Deliveries owed to webhook endpoints, and what became of them. */
export class PostgresWebhookStore implements WebhookOutbox {
  constructor(private readonly database: PostgresDatabase) {}

  async add(tx: Transaction, { type, data }: WebhookMessage): Promise<void> {
    await queryOf(tx)(
      `INSERT INTO webhook_delivery (webhook_id, type, payload, next_attempt_at)
       SELECT r.id, $1, ${payload('$1', '$2')}, now()
         FROM registry_resource r
        WHERE r.collection = 'webhooks' AND r.document->'enabled' = 'true' AND r.document->'events' ? $1`,
      [type, JSON.stringify(data)],
    );
  }

  /** A message that nothing caused, leased to whoever asked for it. */
  async addTest(webhookId: string, data: WebhookMessage['data']): Promise<LeasedDelivery> {
    const [row] = await this.database.query<LeasedRow>(
      `INSERT INTO webhook_delivery AS d (webhook_id, type, payload, lease_id, next_attempt_at)
       VALUES ($1, $2, ${payload('$2', '$3')}, $4, now() + make_interval(secs => $5))
       RETURNING ${leased}`,
      [webhookId, 'webhook.test', JSON.stringify(data), randomUUID(), leaseSeconds],
    );
    if (row === undefined) throw new Error('INSERT … RETURNING gave no row.');
    return row;
  }

  /** Takes due deliveries off the list, at most so many per endpoint as `room` says. */
  claim(room: ReadonlyMap<string, number>): Promise<LeasedDelivery[]> {
    return this.database.query<LeasedRow>(
      `WITH due AS (
         SELECT chosen.sequence
           FROM unnest($1::uuid[], $2::int[]) AS room (webhook_id, slots)
          CROSS JOIN LATERAL (
            SELECT w.sequence FROM webhook_delivery w
             WHERE w.webhook_id = room.webhook_id AND w.state = 'pending' AND w.next_attempt_at <= now()
             ORDER BY w.next_attempt_at LIMIT room.slots
               FOR UPDATE SKIP LOCKED) AS chosen)
       UPDATE webhook_delivery d
          SET lease_id = gen_random_uuid(), next_attempt_at = now() + make_interval(secs => $3)
         FROM due WHERE d.sequence = due.sequence
       RETURNING ${leased}`,
      [[...room.keys()], [...room.values()], leaseSeconds],
    );
  }

  /** False if the lease has run out and somebody else has the delivery now. */
  async finish(
    tx: Transaction,
    { id, leaseId }: LeasedDelivery,
    { state, seconds, status, error }: AttemptOutcome,
  ): Promise<boolean> {
    const rows = await queryOf(tx)(
      `UPDATE webhook_delivery SET
         state = $3, attempts = attempts + 1, lease_id = NULL, last_attempt_at = now(),
         last_status = $4, last_error = $5,
         next_attempt_at = CASE WHEN $3 = 'pending' THEN now() + make_interval(secs => $6) END,
         ended_at = CASE WHEN $3 <> 'pending' THEN now() END
       WHERE id = $1 AND lease_id = $2 RETURNING id`,
      [id, leaseId, state, status ?? null, error ?? null, seconds ?? null],
    );
    return rows.length > 0;
  }

  /** Ends everything that is owed to an endpoint. */
  async endAll(tx: Transaction, webhookId: string, error: string): Promise<void> {
    await queryOf(tx)(
      `UPDATE webhook_delivery
          SET state = 'failed', last_error = $2, lease_id = NULL, next_attempt_at = NULL, ended_at = now()
        WHERE webhook_id = $1 AND state = 'pending'`,
      [webhookId, error],
    );
  }

  /** What arrived is kept for a week, what did not for a month; what waits too long has failed. */
  async prune(): Promise<void> {
    await this.database.query(
      `DELETE FROM webhook_delivery WHERE state <> 'pending'
          AND ended_at <= now() - CASE state WHEN 'delivered' THEN interval '7 days' ELSE interval '30 days' END`,
    );
    await this.database.query(
      `UPDATE webhook_delivery
          SET state = 'failed', last_error = coalesce(last_error, 'Not delivered in time.'),
              lease_id = NULL, next_attempt_at = NULL, ended_at = now()
        WHERE state = 'pending' AND queued_at <= now() - make_interval(days => $1)`,
      [longestDays],
    );
  }
}

type LeasedRow = LeasedDelivery & Record<string, unknown>;

/** SQL of the body (Standard Webhooks, "Webhook Payload"), stamped with the transaction's time. */
function payload(type: string, data: string): string {
  const at = `to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  return `json_build_object('type', ${type}::text, 'timestamp', ${at}, 'data', ${data}::json)::text`;
}
