import type { VaultLogger } from '../log-events.js';
import type { ProviderFailure } from '../providers/provider.js';
import { type CircuitState, isOpen } from './domain/provider-circuit.js';
import type { PostgresProviderCircuit } from './postgres-provider-circuit.js';

interface Known extends CircuitState {
  readonly readMs: number;
}

/**
 * Which providers fail, as this process last heard: from its own requests at once, from those of other replicas
 * with the next scan. Asking costs nothing.
 */
export class ProviderCircuits {
  readonly #known = new Map<string, Known>();

  constructor(
    private readonly store: PostgresProviderCircuit,
    private readonly logger: VaultLogger,
  ) {}

  /** While it is: one request at a time. */
  isOpen(oauthClientId: string): boolean {
    const known = this.#known.get(oauthClientId);
    return known !== undefined && isOpen(known);
  }

  /** Whether background work leaves it alone for now. */
  isPaused(oauthClientId: string): boolean {
    const known = this.#known.get(oauthClientId);
    return known !== undefined && performance.now() < known.readMs + known.pausedFor * 1000;
  }

  /** What the scan read of the row that all replicas share. */
  note(oauthClientId: string, state: CircuitState): void {
    if (state.failures === 0) this.#known.delete(oauthClientId);
    else this.#known.set(oauthClientId, { ...state, readMs: performance.now() });
  }

  async failed(oauthClientId: string, failure: ProviderFailure): Promise<void> {
    const retryAfter = failure.code === 'transient' ? failure.retryAfterSeconds : undefined;
    const error = `${failure.code}: ${failure.detail}`;
    const wasOpen = this.isOpen(oauthClientId);
    // Without a database nothing is refreshed anyway; nothing may fail because of this.
    const state = await this.store
      .failed(oauthClientId, { error, retryAfter })
      .catch(() => undefined);
    if (state) this.note(oauthClientId, state);
    if (wasOpen || !this.isOpen(oauthClientId)) return;
    this.logger.warn({ event: 'provider.failing', oauthClientId, detail: error });
  }

  async answered(oauthClientId: string): Promise<void> {
    if (!this.#known.has(oauthClientId)) return;
    const wasOpen = this.isOpen(oauthClientId);
    const cleared = await this.store.answered(oauthClientId).catch(() => true);
    if (!cleared) return;
    this.#known.delete(oauthClientId);
    if (wasOpen) this.logger.info({ event: 'provider.recovered', oauthClientId });
  }
}
