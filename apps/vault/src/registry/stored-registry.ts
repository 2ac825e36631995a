import type { Logger } from '#lib/observability/logger';
import { Problem } from '#lib/problem/problem';
import type { Secret } from '#lib/secret/secret';
import type { EventSource } from '../events/event-publisher.js';
import type { PostgresRegistryStore } from './postgres-registry-store.js';
import type { Registry, RegistrySnapshot } from './registry-snapshot.js';
import { snapshotOf } from './snapshot-of.js';

const pollMs = 2_000;

/**
 * The registry in memory. Reloaded when an event says that it changed, and by a poll of the version, because
 * events are lost while the listening connection is.
 */
export class StoredRegistry implements Registry {
  #snapshot: RegistrySnapshot | undefined;
  #loading: Promise<RegistrySnapshot> | undefined;
  #stale = false;
  #timer: NodeJS.Timeout | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(
    private readonly store: PostgresRegistryStore,
    private readonly events: EventSource,
    private readonly logger: Logger,
  ) {}

  /** Begins to follow the database; resolves after the first attempt to load, which may fail. */
  async start(): Promise<void> {
    this.#unsubscribe = this.events.onEvent((event) => {
      if (event.type === 'config') this.#reloadQuietly();
    });
    await this.#load().catch((error: unknown) => this.#report(error));
    this.#timer = setInterval(() => this.#poll(), pollMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#unsubscribe?.();
  }

  /** False until the first load has succeeded. */
  get loaded(): boolean {
    return this.#snapshot !== undefined;
  }

  current(): RegistrySnapshot {
    if (this.#snapshot) return this.#snapshot;
    throw new Problem('temporarily-unavailable', 'The vault has not read its registry yet.', {
      headers: { 'retry-after': '1' },
    });
  }

  async refresh(): Promise<RegistrySnapshot> {
    const version = await this.store.version();
    return this.#snapshot?.version === version ? this.#snapshot : this.#load();
  }

  secrets(resourceId: string, name: string): Promise<readonly Secret[]> {
    return this.store.secrets(resourceId, name);
  }

  /** One load at a time; a change seen during a load leads to another. */
  #load(): Promise<RegistrySnapshot> {
    this.#stale = true;
    this.#loading ??= this.#loadUntilFresh().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  async #loadUntilFresh(): Promise<RegistrySnapshot> {
    let snapshot: RegistrySnapshot;
    do {
      this.#stale = false;
      snapshot = snapshotOf(await this.store.load());
    } while (this.#stale);
    // Rows are read from one database, so a later load is never older.
    this.#snapshot = snapshot;
    return snapshot;
  }

  #poll(): void {
    this.refresh().catch((error: unknown) => this.#report(error));
  }

  #reloadQuietly(): void {
    this.#load().catch((error: unknown) => this.#report(error));
  }

  #report(error: unknown): void {
    this.logger.error({ event: 'registry.load_failed', err: error });
  }
}
