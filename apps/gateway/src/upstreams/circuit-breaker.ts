import type { Clock } from '#lib/clock/clock';

const failuresInARow = 5;
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;

export type CircuitState = 'closed' | 'open';

/**
 * Whether an upstream is worth calling. It opens after five calls in a row without an answer, or answered 502, 503
 * or 504; then one call per pause goes through to see (1 s, doubled up to 30 s), and the first real answer closes it. Every
 * other status is the application's own and proves that it lives.
 */
export class CircuitBreaker {
  #failures = 0;
  #pauseMs = 0;
  /** When the next call may go; 0: closed. */
  #nextMs = 0;
  /** A call has gone through since it opened. */
  #probing = false;

  constructor(
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    private readonly changed: (state: CircuitState) => void = () => undefined,
  ) {}

  /** 0: the call may go, and `answered`, `failed` or `abandoned` must follow. Else the seconds to wait. */
  enter(): number {
    return this.#nextMs === 0 ? 0 : this.#probe();
  }

  answered(status: number): void {
    if (status === 502 || status === 503 || status === 504) this.failed();
    else if (this.#failures !== 0) this.#close();
  }

  /** No connection, no answer in time, or an answer that is not HTTP. */
  failed(): void {
    this.#failures += 1;
    // Calls that were on their way when it opened say nothing new.
    if (this.#nextMs !== 0 && !this.#probing) return;
    if (this.#failures >= failuresInARow) this.#open();
  }

  /** The client left before there was an answer: nothing is learnt, and another call may look. */
  abandoned(): void {
    if (this.#nextMs !== 0) this.#nextMs = Math.min(this.#nextMs, this.clock.monotonicMs());
  }

  #probe(): number {
    const nowMs = this.clock.monotonicMs();
    if (nowMs < this.#nextMs) return Math.ceil((this.#nextMs - nowMs) / 1000);
    // A probe that never comes back must not hold the circuit open for ever: the next one goes after another pause.
    this.#nextMs = nowMs + this.#pauseMs;
    this.#probing = true;
    return 0;
  }

  #open(): void {
    const wasOpen = this.#nextMs !== 0;
    this.#probing = false;
    this.#pauseMs = wasOpen ? Math.min(this.#pauseMs * 2, longestPauseMs) : firstPauseMs;
    this.#nextMs = Math.max(1, this.clock.monotonicMs() + this.#pauseMs);
    if (!wasOpen) this.changed('open');
  }

  #close(): void {
    const wasOpen = this.#nextMs !== 0;
    this.#failures = 0;
    this.#nextMs = 0;
    this.#probing = false;
    if (wasOpen) this.changed('closed');
  }
}
