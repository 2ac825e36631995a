import type { VaultEvent } from '#lib/contract/events';
import type { VaultClient } from '#lib/contract/vault-client';
import type { GatewayLogger } from '../log-events.js';
import { Backoff } from './backoff.js';
import type { Heartbeats } from './heartbeats.js';

export interface VaultEventsOptions {
  readonly vault: Pick<VaultClient, 'events'>;
  readonly heartbeats: Heartbeats;
  readonly logger: GatewayLogger;
}

/** What is published, without the heartbeat. */
export type VaultChange = Exclude<VaultEvent, { type: 'heartbeat' }>;

/** The one connection on which the vault tells of changes; reconnects for ever. */
export class VaultEvents {
  readonly #stopped = new AbortController();
  readonly #backoff = new Backoff();
  readonly #changes = new Set<(change: VaultChange) => void>();
  readonly #connections = new Set<() => void>();
  #running: Promise<void> | undefined;

  constructor(private readonly options: VaultEventsOptions) {}

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /** Returns the way to stop. */
  onChange(listener: (change: VaultChange) => void): () => void {
    this.#changes.add(listener);
    return () => this.#changes.delete(listener);
  }

  /** Called on each (re)connection, before its first event: changes in between were missed. */
  onConnected(listener: () => void): void {
    this.#connections.add(listener);
  }

  async #run(): Promise<void> {
    const stopped = this.#stopped.signal;
    while (!stopped.aborted) {
      await this.#connection(stopped);
      if (!stopped.aborted) await this.#backoff.pause(stopped);
    }
  }

  async #connection(stopped: AbortSignal): Promise<void> {
    const { vault, heartbeats, logger } = this.options;
    const outcome = await vault.events(stopped);
    if (outcome.kind === 'unavailable') {
      if (!stopped.aborted) logger.warn({ event: 'events.ended', detail: outcome.detail });
      return;
    }
    heartbeats.reset();
    for (const listener of this.#connections) listener();
    logger.info({ event: 'events.connected' });
    for await (const event of outcome.events) this.#receive(event);
    if (!stopped.aborted) logger.warn({ event: 'events.ended', detail: 'the connection ended' });
  }

  #receive(event: VaultEvent): void {
    if (event.type === 'heartbeat') {
      this.#backoff.reset();
      this.options.heartbeats.beat(event.at);
      return;
    }
    for (const listener of this.#changes) listener(event);
  }
}
