const window = { ms: 100, samples: 2 };
const fallsTo = 0.8;
const rises = 0.02;
const leastShare = 0.02;
/** A delay that falls by this much is a queue that drains: cutting further would overshoot. */
const draining = 0.8;

/**
 * Which share of the calls may come in, decided from how late the event loop is. It is the loop's standing delay that
 * counts, its least within a window of 100 ms and two samples at least (CoDel, RFC 8289 §3.3): a queue that never
 * empties, not one long turn. Above the target the share falls by a fifth per window, below it rises by two hundredths:
 * additive increase, multiplicative decrease as in DAGOR (Zhou et al., SoCC 2018), and held while the delay falls, which
 * is the trend term of PIE (RFC 8033 §4.2).
 */
export class AdmittedShare {
  #share = 1;
  #leastMs = Infinity;
  #previousMs = 0;
  #samples = 0;
  #startedMs: number | undefined;

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
    if (this.#samples < window.samples || nowMs - this.#startedMs < window.ms) return;
    this.#share = nextShare(this.#share, {
      delayMs: this.#leastMs,
      previousMs: this.#previousMs,
      targetMs: this.targetMs,
    });
    this.#previousMs = this.#leastMs;
    this.#leastMs = Infinity;
    this.#samples = 0;
    this.#startedMs = nowMs;
  }
}

interface Delays {
  readonly delayMs: number;
  readonly previousMs: number;
  readonly targetMs: number;
}

function nextShare(share: number, { delayMs, previousMs, targetMs }: Delays): number {
  if (delayMs <= targetMs) return Math.min(1, share + rises);
  return delayMs < previousMs * draining ? share : Math.max(leastShare, share * fallsTo);
}
