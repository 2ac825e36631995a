import type { Clock } from '#lib/clock/clock';

/** A clock that stands still until a test moves it. */
export class TestClock implements Clock {
  #epochMs: number;
  #monotonicMs = 1_000;

  /** Starts at `now` (epoch seconds), by default at the real time, so that real libraries agree with it. */
  constructor(now: number = Date.now() / 1000) {
    this.#epochMs = now * 1000;
  }

  now(): number {
    return this.#epochMs / 1000;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** Time passes. */
  advance(seconds: number): void {
    this.#epochMs += seconds * 1000;
    this.#monotonicMs += seconds * 1000;
  }

  /** Somebody sets the wall clock; no time passes. */
  jump(seconds: number): void {
    this.#epochMs += seconds * 1000;
  }
}
