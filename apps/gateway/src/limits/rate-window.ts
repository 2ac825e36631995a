const slices = 10;
const sliceMs = 6_000;

/**
 * Calls of the last minute, in six-second slices: constant space, and never more than the quota in any 60 s. The
 * price is that a call is forgotten up to six seconds late.
 */
export class RateWindow {
  // The slice under way, and the ten before it.
  readonly #counts = Array.from({ length: slices + 1 }, () => 0);
  #slice: number;
  #used = 0;

  constructor(nowMs: number) {
    this.#slice = Math.floor(nowMs / sliceMs);
  }

  used(nowMs: number): number {
    this.#advance(Math.floor(nowMs / sliceMs));
    return this.#used;
  }

  /** After `used`, at the same time. */
  count(): void {
    const at = wrapped(this.#slice);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#used += 1;
  }

  /** Nothing is counted any more. */
  isOver(nowMs: number): boolean {
    return this.used(nowMs) === 0;
  }

  /** Seconds until the oldest calls are forgotten, at least 1. */
  secondsUntilLess(nowMs: number): number {
    let oldest = this.#slice;
    for (let slice = this.#slice - slices; slice < this.#slice; slice += 1) {
      if ((this.#counts[wrapped(slice)] ?? 0) === 0) continue;
      oldest = slice;
      break;
    }
    const forgottenMs = (oldest + slices + 1) * sliceMs;
    return Math.max(1, Math.ceil((forgottenMs - nowMs) / 1000));
  }

  #advance(slice: number): void {
    const steps = Math.min(slice - this.#slice, this.#counts.length);
    for (let step = 1; step <= steps; step += 1) {
      const at = wrapped(slice - steps + step);
      this.#used -= this.#counts[at] ?? 0;
      this.#counts[at] = 0;
    }
    if (slice > this.#slice) this.#slice = slice;
  }
}

function wrapped(slice: number): number {
  const length = slices + 1;
  return ((slice % length) + length) % length;
}
