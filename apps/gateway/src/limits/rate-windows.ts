import { RateWindow } from './rate-window.js';

/**
 * Windows by key, in bounded memory. Nobody is forgotten within their minute: beyond the bound further keys share
 * windows, so a flood of subjects makes others' limits tighter, never anybody's wider.
 */
export class RateWindows {
  /** Longest unused first. */
  readonly #own = new Map<string, RateWindow>();
  readonly #shared = new Map<number, RateWindow>();

  constructor(
    private readonly bound = 50_000,
    private readonly sharedBound = 1_024,
  ) {}

  get size(): number {
    return this.#own.size + this.#shared.size;
  }

  of(key: string, nowMs: number): RateWindow {
    const known = this.#own.get(key);
    if (known !== undefined) {
      this.#own.delete(key);
      this.#own.set(key, known);
      return known;
    }
    this.#forgetOver(nowMs);
    if (this.#own.size >= this.bound) return this.#sharedOf(key, nowMs);
    const window = new RateWindow(nowMs);
    this.#own.set(key, window);
    return window;
  }

  /** Two out for one in: what a busy hour leaves behind goes with the next hour's calls. */
  #forgetOver(nowMs: number): void {
    let looked = 0;
    for (const [key, window] of this.#own) {
      if (looked === 2 || !window.isOver(nowMs)) return;
      this.#own.delete(key);
      looked += 1;
    }
  }

  #sharedOf(key: string, nowMs: number): RateWindow {
    const at = hashOf(key) % this.sharedBound;
    const window = this.#shared.get(at) ?? new RateWindow(nowMs);
    this.#shared.set(at, window);
    return window;
  }
}

/** FNV-1a: to spread, not to keep secrets. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1)
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
