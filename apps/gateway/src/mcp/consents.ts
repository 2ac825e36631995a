import type { InteractionWatch } from '../upstreams/interaction-watch.js';

/** Who waits at this replica for a person to agree, by person, application and upstream. */
export class Consents {
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(watch: InteractionWatch) {
    watch.onEnded(({ issuer, subject, application, upstream, state }) => {
      if (state !== 'completed') return;
      const sharer = JSON.stringify([issuer, subject, application, upstream]);
      for (const listener of [...(this.#listeners.get(sharer) ?? [])]) listener();
    });
  }

  /** Calls `listener` at each consent; answers the way to stop. */
  listen(sharer: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(sharer) ?? new Set();
    this.#listeners.set(sharer, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(sharer);
    };
  }

  /** Resolves at the next consent, or on abort. */
  async next(sharer: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const stop = this.listen(sharer, () => resolve());
      const done = (): void => {
        stop();
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
