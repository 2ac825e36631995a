import { Client } from 'pg';
import type { Logger } from '#lib/observability/logger';
import { type PublishedEvent, vaultEvent } from '#lib/contract/events';
import type { SynchronisedClock } from '#lib/clock/clock';
import type { Transaction } from '../database/database.js';
import { queryOf } from '../database/postgres-database.js';
import type { EventPublisher, EventSource } from './event-publisher.js';

const channel = 'symbolon_event';
const heartbeatMs = 1_000;
const reconnectMs = 500;
// A beat that takes longer than this means that the connection is as good as lost.
const beatTimeoutMs = 2_000;

export type BusMessage = PublishedEvent | { readonly type: 'heartbeat'; readonly at: number };

/**
 * LISTEN/NOTIFY on one connection of its own. The heartbeat is asked of that same connection, so whoever hears
 * it knows that the events before it have arrived; when the connection is lost every stream must end.
 */
export class PostgresEventBus implements EventPublisher, EventSource {
  readonly #events = new Set<(event: PublishedEvent) => void>();
  readonly #streams = new Set<Stream>();
  #client: Client | undefined;
  #listening = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    private readonly url: string,
    private readonly clock: SynchronisedClock,
    private readonly logger: Logger,
  ) {}

  get connected(): boolean {
    return this.#listening;
  }

  async publish(tx: Transaction, event: PublishedEvent): Promise<void> {
    await queryOf(tx)('SELECT pg_notify($1, $2)', [channel, JSON.stringify(event)]);
  }

  onEvent(listener: (event: PublishedEvent) => void): () => void {
    this.#events.add(listener);
    return () => this.#events.delete(listener);
  }

  /** Events and heartbeats until the database connection is lost, which calls `lost` once. */
  onMessage(message: (message: BusMessage) => void, lost: () => void): () => void {
    const stream = { message, lost };
    this.#streams.add(stream);
    return () => this.#streams.delete(stream);
  }

  /** Connects, and keeps reconnecting until `stop`; resolves after the first attempt. */
  async start(): Promise<void> {
    if (this.#stopped) return;
    const client = new Client({
      connectionString: this.url,
      application_name: 'symbolon-vault-events',
      connectionTimeoutMillis: 5_000,
      query_timeout: beatTimeoutMs,
    });
    this.#client = client;
    client.on('error', (error) => this.#lose(client, error));
    client.on('end', () => this.#lose(client));
    client.on('notification', (notification) => this.#received(notification.payload ?? ''));
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
      this.#listening = true;
      await this.#beat();
    } catch (error) {
      this.#lose(client, error);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    this.#listening = false;
    this.#endStreams();
    await client?.end().catch(() => undefined);
  }

  async #beat(): Promise<void> {
    const client = this.#client;
    if (!client) return;
    try {
      const asked = this.clock.monotonicMs();
      const answer = await client.query<{ at: number }>(
        'SELECT extract(epoch FROM clock_timestamp())::float8 AS at',
      );
      const at = answer.rows[0]?.at;
      if (at === undefined || client !== this.#client) return;
      this.clock.synchronise(at * 1000, (asked + this.clock.monotonicMs()) / 2);
      for (const stream of this.#streams) stream.message({ type: 'heartbeat', at });
      this.#timer = setTimeout(() => void this.#beat(), heartbeatMs);
    } catch (error) {
      this.#lose(client, error);
    }
  }

  #received(payload: string): void {
    const parsed = vaultEvent.safeParse(JSON.parse(payload));
    if (!parsed.success || parsed.data.type === 'heartbeat') return;
    for (const listener of this.#events) listener(parsed.data);
    for (const stream of this.#streams) stream.message(parsed.data);
  }

  #lose(client: Client, error?: unknown): void {
    if (client !== this.#client || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#client = undefined;
    this.#listening = false;
    client.end().catch(() => undefined);
    this.logger.warn({ event: 'events.connection_lost', err: error });
    this.#endStreams();
    this.#timer = setTimeout(() => void this.start(), reconnectMs);
  }

  #endStreams(): void {
    const streams = [...this.#streams];
    this.#streams.clear();
    for (const stream of streams) stream.lost();
  }
}

interface Stream {
  readonly message: (message: BusMessage) => void;
  readonly lost: () => void;
}
