import { setTimeout as sleep } from 'node:timers/promises';
import type { VaultClient } from '#lib/contract/vault-client';
import type { GatewayLogger } from '../log-events.js';
import { Backoff } from './backoff.js';
import type { Catalogue } from './catalogue.js';

export interface SnapshotFeedOptions {
  readonly vault: Pick<VaultClient, 'config'>;
  readonly catalogue: Catalogue;
  readonly logger: GatewayLogger;
  /** Asked again this often even if no event says so. */
  readonly pollMs?: number;
}

/** Keeps the catalogue at the vault's newest snapshot; an unreachable vault leaves the last one in place. */
export class SnapshotFeed {
  readonly #stopped = new AbortController();
  readonly #backoff = new Backoff();
  #wake = new AbortController();
  #etag: string | undefined;
  #running: Promise<void> | undefined;

  constructor(private readonly options: SnapshotFeedOptions) {}

  start(): void {
    this.#running ??= this.#run();
  }

  /** The vault says that something changed. */
  refresh(): void {
    this.#wake.abort();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const stopped = this.#stopped.signal;
    while (!stopped.aborted) {
      // Renewed before asking: a change announced while the answer is under way asks once more.
      this.#wake = new AbortController();
      if (await this.#fetch()) await this.#idle();
      else await this.#backoff.pause(stopped);
    }
  }

  async #fetch(): Promise<boolean> {
    const { vault, catalogue, logger } = this.options;
    const outcome = await vault.config(this.#etag);
    if (outcome.kind === 'unavailable') {
      logger.warn({ event: 'config.unavailable', detail: outcome.detail });
      return false;
    }
    this.#backoff.reset();
    if (outcome.kind === 'unchanged') return true;
    this.#etag = outcome.etag;
    catalogue.adopt(outcome.snapshot);
    logger.info({ event: 'config.adopted', version: outcome.snapshot.version });
    return true;
  }

  async #idle(): Promise<void> {
    const signal = AbortSignal.any([this.#stopped.signal, this.#wake.signal]);
    await sleep(this.options.pollMs ?? 60_000, undefined, { signal }).catch(() => undefined);
  }
}
