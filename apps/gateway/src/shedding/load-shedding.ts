import { AdmittedShare } from './admitted-share.js';

/** Above what calls are shed; 0 switches a rule off. */
export interface SheddingLimits {
  /** Standing delay of the event loop. */
  readonly delayMs: number;
  /** Calls in flight, open streams among them. */
  readonly calls: number;
}

export const shedReasons = ['delay', 'calls'] as const;
export type ShedReason = (typeof shedReasons)[number];

/** With fewer calls in flight it is not calls that make the event loop late. */
const fewCalls = 64;
/** How often the clock is asked while a turn goes on: at each so manieth call that begins in it. */
const clockEvery = 64;
/** A turn in which calls have begun for this many targets begins no more of them. */
const longestTurn = 2;

/** Decides which calls of a process that has too much to do are not begun. What has begun goes on. */
export class LoadShedding {
  readonly shed: Record<ShedReason, number> = { delay: 0, calls: 0 };
  readonly #share: AdmittedShare;
  #inFlight = 0;
  #owed = 0;
  #lookedMs: number;
  /** Since the last look. */
  #begun = 0;
  #turnIsOver = false;

  constructor(
    private readonly limits: SheddingLimits,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#lookedMs = nowMs();
    this.#share = new AdmittedShare(limits.delayMs);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** 1 while nothing is shed for delay. */
  get share(): number {
    return this.#share.share;
  }

  get delayMs(): number {
    return this.#share.delayMs;
  }

  /** One look at the event loop: how much too late it came round. */
  observe(delayMs: number, nowMs: number): void {
    this.#lookedMs = nowMs;
    this.#begun = 0;
    this.#turnIsOver = false;
    if (this.limits.delayMs > 0) this.#share.observe(delayMs, nowMs);
  }

  /** Why the next call should not be begun; undefined where it may. */
  refuses(): ShedReason | undefined {
    const { calls } = this.limits;
    return calls > 0 && this.#inFlight >= calls ? 'calls' : this.#refusesForDelay();
  }

  wasShed(reason: ShedReason): void {
    this.shed[reason] += 1;
  }

  /** A call has begun; `left` must follow once. */
  enter(): void {
    this.#inFlight += 1;
    this.#begun += 1;
  }

  readonly left = (): void => {
    this.#inFlight -= 1;
  };

  #refusesForDelay(): ShedReason | undefined {
    if (this.#inFlight < fewCalls) return undefined;
    if (this.#hasLongTurn()) return 'delay';
    const { share } = this.#share;
    if (share === 1) return undefined;
    // Every so manieth instead of by chance, as PIE does (RFC 8033 §5.4): no run of bad luck.
    this.#owed += 1 - share;
    if (this.#owed < 1) return undefined;
    this.#owed -= 1;
    return 'delay';
  }

  /** What was ready at once can make a turn of seconds before anybody looks again: then it is cut short. */
  #hasLongTurn(): boolean {
    if (this.#turnIsOver || (this.#begun + 1) % clockEvery !== 0) return this.#turnIsOver;
    const { delayMs } = this.limits;
    this.#turnIsOver = delayMs > 0 && this.nowMs() - this.#lookedMs > longestTurn * delayMs;
    return this.#turnIsOver;
  }
}
