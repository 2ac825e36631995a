import { Pool, type Dispatcher } from 'undici';
import { outboundError } from './outbound-error.js';

const countAgainMs = 1_000;

export interface PoolOptions {
  readonly connect: Pool.Options['connect'];
  /** Open at once to this origin; no bound unless said otherwise. */
  readonly connections?: number | undefined;
  /** How many of them are taken beside this pool's. */
  readonly others?: () => number;
}

/**
 * Connections to one origin, so many and no more. What would have to wait for one is refused (`busy`): an origin that
 * hangs holds its own connections, and neither a queue nor those of others.
 */
export class BoundedPool extends Pool {
  readonly #origin: string;
  readonly #most: number;
  readonly #others: () => number;
  /** Since when all connections are taken; undefined while one is free. */
  #fullSinceMs: number | undefined;

  constructor(origin: URL, { connect, connections, others = () => 0 }: PoolOptions) {
    super(origin, { connect, connections: connections ?? null });
    this.#origin = origin.origin;
    this.#most = connections ?? Infinity;
    this.#others = others;
    this.on('drain', () => (this.#fullSinceMs = undefined));
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    if (this.#fullSinceMs !== undefined && this.#isFull(this.#fullSinceMs))
      throw outboundError('busy', this.#origin);
    const others = this.#others();
    if (others > 0 && !this.mayOpen(others)) throw outboundError('busy', this.#origin);
    const free = super.dispatch(options, handler);
    this.#fullSinceMs = free ? undefined : performance.now();
    return free;
  }

  /** Whether one more may be open, where `others` are. */
  mayOpen(others: number): boolean {
    return this.#most === Infinity || this.stats.size + others < this.#most;
  }

  /** Now and then it counts, which takes a while: should the sign that one is free be lost, it finds out. */
  #isFull(sinceMs: number): boolean {
    const nowMs = performance.now();
    if (nowMs - sinceMs < countAgainMs) return true;
    this.#fullSinceMs = nowMs;
    return this.stats.size >= this.#most;
  }
}
