import type { PublishedEvent } from '#lib/contract/events';
import type { Transaction } from '../database/database.js';

/** Tells all vault replicas and gateways; delivered only if the transaction commits (NOTIFY). */
export interface EventPublisher {
  publish(tx: Transaction, event: PublishedEvent): Promise<void>;
}

/** The receiving side within this process. */
export interface EventSource {
  /** Calls `listener` for every committed event of any replica; returns the way to stop. */
  onEvent(listener: (event: PublishedEvent) => void): () => void;
}
