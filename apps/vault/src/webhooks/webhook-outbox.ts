import type { Transaction } from '../database/database.js';
import type { WebhookEvent } from '../registry/domain/webhook.js';

/** What happened, as receivers are told it. Never a token. */
export interface WebhookMessage {
  readonly type: WebhookEvent;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Told in the transaction in which it happened: either both are committed, or neither. */
export interface WebhookOutbox {
  /** One delivery for each endpoint that is enabled and asked for this type; the database's time is its timestamp. */
  add(tx: Transaction, message: WebhookMessage): Promise<void>;
}
