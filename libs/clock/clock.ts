/** The only two questions about time. Wall time follows Postgres; deadlines never do. */
export interface Clock {
  /** Seconds since the epoch, fractional. */
  now(): number;
  /** Milliseconds that only grow, unaffected by anybody setting a clock. */
  monotonicMs(): number;
}

/**
 * Wall time as the monotonic clock plus an offset, so that a host clock that jumps moves nothing.
 * `synchronise` sets the offset from a trusted reading (Postgres time).
 */
export class SynchronisedClock implements Clock {
  #offsetMs = Date.now() - performance.now();

  now(): number {
    return (performance.now() + this.#offsetMs) / 1000;
  }

  monotonicMs(): number {
    return performance.now();
  }

  /** `epochMs` is the trusted time now; `readAtMs` the monotonic time at which it was true. */
  synchronise(epochMs: number, readAtMs: number = performance.now()): void {
    this.#offsetMs = epochMs - readAtMs;
  }
}

/** Seconds that this host is behind (or, negative, ahead): for libraries that read its clock themselves. */
export function hostClockSkew(clock: Clock): number {
  return Math.round(clock.now() - Date.now() / 1000);
}
