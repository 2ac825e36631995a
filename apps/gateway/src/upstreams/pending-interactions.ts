import type { VaultEvent } from '#lib/contract/events';
import type { VaultClient } from '#lib/contract/vault-client';
import type { InteractionWatch } from './interaction-watch.js';
import type { VaultEvents } from './vault-events.js';

type InteractionEnded = Extract<VaultEvent, { type: 'interaction' }>;
type Ending = InteractionEnded['state'];
type Answer = Ending | 'timeout' | 'aborted';

// An interaction lives ten minutes; its end may be told before somebody waits for it.
const rememberedEnds = 10_000;

/** Who waits at this gateway for a person to act, told by the vault's events. */
export class PendingInteractions implements InteractionWatch {
  readonly #waiting = new Map<string, Set<(state: Ending) => void>>();
  readonly #ended = new Map<string, Ending>();

  constructor(
    private readonly events: VaultEvents,
    private readonly vault: Pick<VaultClient, 'interaction' | 'withdraw' | 'endSession'>,
  ) {
    events.onChange((change) => {
      if (change.type === 'interaction') this.#settle(change.interactionId, change.state);
    });
    events.onConnected(() => void this.#catchUp());
  }

  ended(interactionId: string, timeoutMs: number, signal: AbortSignal): Promise<Answer> {
    const known = this.#ended.get(interactionId);
    if (known) return Promise.resolve(known);
    if (signal.aborted) return Promise.resolve('aborted');
    return new Promise((resolve) => {
      const finish = (answer: Answer) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        this.#forget(interactionId, finish);
        resolve(answer);
      };
      const abort = () => finish('aborted');
      const timer = setTimeout(() => finish('timeout'), timeoutMs);
      signal.addEventListener('abort', abort, { once: true });
      const waiters = this.#waiting.get(interactionId) ?? new Set();
      this.#waiting.set(interactionId, waiters.add(finish));
    });
  }

  /** An unreachable vault is no error here: the interaction expires by itself. */
  async withdraw(interactionId: string): Promise<void> {
    await this.vault.withdraw(interactionId);
  }

  onEnded(listener: Parameters<InteractionWatch['onEnded']>[0]): () => void {
    return this.events.onChange((change) => {
      if (change.type === 'interaction') listener(change);
    });
  }

  onGrantChanged(listener: Parameters<InteractionWatch['onGrantChanged']>[0]): () => void {
    return this.events.onChange((change) => {
      if (change.type === 'grant') listener(change);
    });
  }

  onSessionEnded(listener: (nonce: string) => void): () => void {
    return this.events.onChange((change) => {
      if (change.type === 'session-ended') listener(change.nonce);
    });
  }

  /** An unreachable vault is no error here: the session expires by itself. */
  async endSession(nonce: string): Promise<void> {
    await this.vault.endSession(nonce);
  }

  // Ends told while the stream was down were missed.
  async #catchUp(): Promise<void> {
    for (const interactionId of this.#waiting.keys()) {
      const state = await this.vault.interaction(interactionId);
      if (state && state.status !== 'pending') this.#settle(interactionId, state.status);
    }
  }

  #settle(interactionId: string, state: Ending): void {
    this.#ended.set(interactionId, state);
    if (this.#ended.size > rememberedEnds)
      for (const oldest of this.#ended.keys()) {
        this.#ended.delete(oldest);
        break;
      }
    for (const finish of this.#waiting.get(interactionId) ?? []) finish(state);
  }

  #forget(interactionId: string, finish: (state: Ending) => void): void {
    const waiters = this.#waiting.get(interactionId);
    waiters?.delete(finish);
    if (waiters?.size === 0) this.#waiting.delete(interactionId);
  }
}
