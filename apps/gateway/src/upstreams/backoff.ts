import { setTimeout as sleep } from 'node:timers/promises';

/** Pauses that double from 100 ms to 3 s, each with chance in it so that replicas do not march in step. */
export class Backoff {
  #attempt = 0;

  reset(): void {
    this.#attempt = 0;
  }

  /** Never rejects; an abort ends the pause. */
  async pause(signal: AbortSignal): Promise<void> {
    const ceilingMs = Math.min(3000, 100 * 2 ** this.#attempt);
    this.#attempt = Math.min(this.#attempt + 1, 6);
    await sleep(ceilingMs / 2 + Math.random() * (ceilingMs / 2), undefined, { signal }).catch(
      () => undefined,
    );
  }
}
