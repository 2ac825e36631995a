const windowMs = 100;
const rises = 0.02;
/** Below a quarter of the target nothing queues: then it rises faster. */
const risesFast = 0.04;
/** At once, however late. */
const fallsTo = 0.25;
const leastShare = 0.05;
/** A delay that falls by this much is a queue that drains: cutting further would overshoot. */
const draining = 0.7;
/** With the least share for so many windows and no less delay, it is refusing that takes the time: then more are served. */
const inVain = 10;
const shareInVain = 0.2;
/** After so many windows of that it is tried again. */
const triedAgain = 100;
/** What falls less than this does not fall. */
const falling = 0.97;

/**
 * Which share of the calls may come in, decided from how late the event loop is. It is the loop's standing delay that
 * counts, its least within a window of 100 ms (CoDel, RFC 8289 §3.3): a queue that never empties, not one long turn, so
 * it takes two late looks in a row to begin. Above the target the share falls in proportion to the excess, below it rises
 * by two or four hundredths a window: additive increase, multiplicative decrease, as DAGOR admits by queueing time (Zhou et al.,
 * SoCC 2018). While the delay falls by itself the share is held, which is the trend term of PIE (RFC 8033 §4.2).
 * Where refusing all but a few makes nobody's wait shorter, a fifth is let in: all wait a little longer, and many more
 * are served.
 */
export class AdmittedShare {
  #share = 1;
  #leastMs = Infinity;
  #previousMs = 0;
  #samples = 0;
  #startedMs: number | undefined;
  /** Windows since there was nothing more to cut. */
  #vain = 0;

  constructor(private readonly targetMs: number) {}

  /** 1: everything. Never 0: something must go in to see whether it goes well again. */
  get share(): number {
    return this.#share;
  }

  /** The standing delay of the last window. */
  get delayMs(): number {
    return this.#previousMs;
  }

  /** One look at the event loop: how much too late it came round. */
  observe(delayMs: number, nowMs: number): void {
    this.#startedMs ??= nowMs - delayMs;
    this.#samples += 1;
    this.#leastMs = Math.min(this.#leastMs, delayMs);
    const enough = this.#share < 1 ? 1 : 2;
    if (this.#samples < enough || nowMs - this.#startedMs < windowMs) return;
    this.#share = this.#next(this.#leastMs);
    this.#previousMs = this.#leastMs;
    this.#leastMs = Infinity;
    this.#samples = 0;
    this.#startedMs = nowMs;
  }

  #next(delayMs: number): number {
    if (delayMs <= this.targetMs) {
      this.#vain = 0;
      return Math.min(1, this.#share + (delayMs < this.targetMs / 4 ? risesFast : rises));
    }
    if (this.#isInVain(delayMs)) return shareInVain;
    if (this.#share < 1 && delayMs < this.#previousMs * draining) return this.#share;
    return Math.max(leastShare, this.#share * Math.max(fallsTo, this.targetMs / delayMs));
  }

  #isInVain(delayMs: number): boolean {
    const nothingHelps = this.#share === leastShare && delayMs > this.#previousMs * falling ? 1 : 0;
    this.#vain += this.#vain < inVain ? nothingHelps : 1;
    if (this.#vain > inVain + triedAgain) this.#vain = 0;
    return this.#vain >= inVain;
  }
}
