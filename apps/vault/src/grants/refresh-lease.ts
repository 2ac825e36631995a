import { setTimeout as sleep } from 'node:timers/promises';
import type { LivenessLock } from '../database/postgres-advisory-locks.js';

export interface LeaseTerms {
  readonly retake: () => Promise<LivenessLock | undefined>;
  /** From now; nobody else uses the refresh token before, lock or no lock. */
  readonly ms: number;
}

// For what lies between our clock's end and the other's beginning: a busy process, a slow line.
const marginMs = 150;
const retakePauseMs = 50;

/**
 * The right to use a refresh token: the advisory lock for as long as it is held, and its first moments even without
 * it. Whoever loses the lock takes it again; where that fails the request is given up before others may begin one,
 * for an answer that comes too late would be that of a second one.
 */
export class RefreshLease {
  readonly #over = new AbortController();
  readonly #endsMs: number;
  #retaken: LivenessLock | undefined;
  #wasLost = false;
  #ended = false;

  constructor(
    lock: LivenessLock,
    private readonly terms: LeaseTerms,
  ) {
    this.#endsMs = performance.now() + terms.ms - marginMs;
    this.#watch(lock);
  }

  /** Aborted once another may use the refresh token. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Even if it was taken again. */
  get wasLost(): boolean {
    return this.#wasLost;
  }

  /** The lock that it began with is released by whoever took it. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#retaken?.release();
  }

  #watch(lock: LivenessLock): void {
    lock.onLost(() => {
      if (this.#ended) return;
      this.#wasLost = true;
      void this.#retake();
    });
  }

  async #retake(): Promise<void> {
    // A database that does not answer must not hold up the end.
    const timer = setTimeout(() => this.#over.abort(), this.#endsMs - performance.now());
    while (!this.#isOver()) {
      const lock = await this.terms.retake().catch(() => undefined);
      if (lock === undefined) await sleep(retakePauseMs);
      else if (this.#isOver()) await lock.release();
      else {
        clearTimeout(timer);
        this.#retaken = lock;
        return this.#watch(lock);
      }
    }
    clearTimeout(timer);
    if (!this.#ended) this.#over.abort();
  }

  #isOver(): boolean {
    return this.#ended || this.signal.aborted || performance.now() >= this.#endsMs;
  }
}
