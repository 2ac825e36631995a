import { type InLine, Line } from '#lib/line/line';
import { RateWindow } from './rate-window.js';

class OwnWindow extends RateWindow implements InLine<OwnWindow> {
  older: OwnWindow | undefined;
  newer: OwnWindow | undefined;

  constructor(
    readonly key: string,
    nowMs: number,
  ) {
    super(nowMs);
  }
}

/**
 * Windows by key, in bounded memory. Nobody is forgotten within their minute: beyond the bound further keys share
 * windows, so a flood of subjects makes others' limits tighter, never anybody's wider.
 */
export class RateWindows {
  readonly #own = new Map<string, OwnWindow>();
  /** Longest unused first. */
  readonly #line = new Line<OwnWindow>();
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
      this.#line.remove(known);
      this.#line.add(known);
      return known;
    }
    this.#forgetOver(nowMs);
    if (this.#own.size >= this.bound) return this.#sharedOf(key, nowMs);
    const window = new OwnWindow(key, nowMs);
    this.#own.set(key, window);
    this.#line.add(window);
    return window;
  }

  /** Two out for one in: what a busy hour leaves behind goes with the next hour's calls. */
  #forgetOver(nowMs: number): void {
    for (let looked = 0; looked < 2; looked += 1) {
      const { oldest } = this.#line;
      if (oldest === undefined || !oldest.isOver(nowMs)) return;
      this.#own.delete(oldest.key);
      this.#line.remove(oldest);
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
