import type { Clock } from '#lib/clock/clock';
import { Problem } from '#lib/problem/problem';

export interface AttemptLimitOptions {
  /** How many at once. */
  readonly burst: number;
  /** One more after so many seconds. */
  readonly refillSeconds: number;
}

// Beyond this many keys the oldest is forgotten: memory stays bounded, whoever knocks.
const maxKeys = 10_000;

/** A token bucket per key in this process: enough to make 2^256 unguessable even for the patient (row 14). */
export class AttemptLimit {
  readonly #buckets = new Map<string, { left: number; atMs: number }>();

  constructor(
    private readonly options: AttemptLimitOptions,
    private readonly clock: Clock,
  ) {}

  /** Refuses (429, Retry-After) while the key has used up its attempts. */
  check(key: string): void {
    if (this.#left(key) >= 1) return;
    throw new Problem('too-many-requests', 'Wait a minute, then try again.', {
      headers: { 'retry-after': String(Math.ceil(this.options.refillSeconds)) },
    });
  }

  /** Counts one attempt. */
  count(key: string): void {
    const left = this.#left(key);
    this.#buckets.delete(key);
    this.#buckets.set(key, { left: Math.max(0, left - 1), atMs: this.clock.monotonicMs() });
    if (this.#buckets.size > maxKeys) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
  }

  #left(key: string): number {
    const bucket = this.#buckets.get(key);
    if (!bucket) return this.options.burst;
    const seconds = (this.clock.monotonicMs() - bucket.atMs) / 1000;
    return Math.min(this.options.burst, bucket.left + seconds / this.options.refillSeconds);
  }
}
