import type { Clock } from '#lib/clock/clock';

/** Whether events are known to arrive in time: the condition under which borrowed tokens count. */
export interface Freshness {
  readonly fresh: boolean;
}

const window = 60;
// With the staleness limit of 3 s, and what a confirmation may take, this keeps the promise of 5 s (R3).
const againMs = 1_500;
const unreadyAfterMs = 15_000;

/**
 * The age of what the vault last said, in database time. A heartbeat that waited on the way shows a
 * smaller offset to our monotonic clock than one that did not; so the largest offset of the last minute
 * is the best, and a backlog delivered late counts as old although it has just arrived.
 */
export class Heartbeats implements Freshness {
  #offsetsMs: number[] = [];
  #lastAtMs: number | undefined;
  #offsetMs = 0;
  #heardAtMs: number;
  #alarm: NodeJS.Timeout | undefined;
  readonly #silence = new Set<() => void>();

  constructor(
    private readonly clock: Clock,
    private readonly maxStalenessMs: number,
    /** Told of the best reading: epoch milliseconds, true at that monotonic time. */
    private readonly synchronise: (epochMs: number, readAtMs: number) => void,
    private readonly silentAgainMs = againMs,
  ) {
    this.#heardAtMs = clock.monotonicMs();
    this.#listen(maxStalenessMs);
  }

  get fresh(): boolean {
    if (this.#lastAtMs === undefined) return false;
    return this.clock.monotonicMs() + this.#offsetMs - this.#lastAtMs < this.maxStalenessMs;
  }

  /** Why this gateway should not be sent callers; longer than a restart of the vault takes. Public. */
  get problem(): string | undefined {
    const silentMs = this.clock.monotonicMs() - this.#heardAtMs;
    if (silentMs <= unreadyAfterMs) return undefined;
    return `not heard for ${Math.floor(silentMs / 1000)} s: nothing can be borrowed`;
  }

  /** `at` is database time in epoch seconds. */
  beat(at: number): void {
    const nowMs = this.clock.monotonicMs();
    this.#offsetsMs.push(at * 1000 - nowMs);
    if (this.#offsetsMs.length > window) this.#offsetsMs.shift();
    this.#offsetMs = Math.max(...this.#offsetsMs);
    this.#lastAtMs = at * 1000;
    this.#heardAtMs = nowMs;
    this.synchronise(nowMs + this.#offsetMs, nowMs);
    this.#listen(this.maxStalenessMs);
  }

  /**
   * Called when heartbeats have stayed away for the staleness limit, connected or not, and then again and again
   * until one comes: streams are opened, and grants revoked, in the silence too.
   */
  onSilence(listener: () => void): void {
    this.#silence.add(listener);
  }

  /** A new connection, perhaps to another database: nothing is known until its first heartbeat. */
  reset(): void {
    this.#offsetsMs = [];
    this.#lastAtMs = undefined;
  }

  #listen(forMs: number): void {
    clearTimeout(this.#alarm);
    this.#alarm = setTimeout(() => {
      this.#listen(this.silentAgainMs);
      for (const listener of this.#silence) listener();
    }, forMs).unref();
  }
}
