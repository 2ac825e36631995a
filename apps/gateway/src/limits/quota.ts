import type { RateWindow } from './rate-window.js';

const windowSeconds = 60;

/** One quota of a minute, and how much of it is used. */
export class Quota {
  constructor(
    /** Its name in the RateLimit fields. */
    readonly name: 'person' | 'upstream',
    readonly most: number,
    readonly window: RateWindow,
  ) {}

  isUsedUp(nowMs: number): boolean {
    return this.window.used(nowMs) >= this.most;
  }

  count(): void {
    this.window.count();
  }

  retryAfter(nowMs: number): { 'retry-after': string } {
    return { 'retry-after': String(this.window.secondsUntilLess(nowMs)) };
  }

  get policy(): string {
    return `"${this.name}";q=${this.most};w=${windowSeconds}`;
  }

  state(nowMs: number): string {
    const remaining = Math.max(0, this.most - this.window.used(nowMs));
    return `"${this.name}";r=${remaining};t=${this.window.secondsUntilLess(nowMs)}`;
  }
}

/** draft-ietf-httpapi-ratelimit-headers-10 §3 and §4: what is promised, and what is left of it. */
export function rateFields(
  own: Quota | undefined,
  all: Quota | undefined,
  nowMs: number,
): string[] {
  const policy = joined(own?.policy, all?.policy);
  return ['ratelimit-policy', policy, 'ratelimit', joined(own?.state(nowMs), all?.state(nowMs))];
}

function joined(one: string | undefined, other: string | undefined): string {
  return one === undefined || other === undefined ? (one ?? other ?? '') : `${one}, ${other}`;
}
