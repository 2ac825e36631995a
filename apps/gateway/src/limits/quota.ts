import type { RateWindow } from './rate-window.js';

const windowSeconds = 60;

/** One quota of a minute, and how much of it is used. */
export class Quota {
  private constructor(
    /** Its name in the RateLimit fields. */
    readonly name: 'person' | 'upstream',
    readonly most: number,
    readonly window: RateWindow,
  ) {}

  static of(
    name: Quota['name'],
    most: number | undefined,
    window: () => RateWindow,
  ): Quota | undefined {
    return most === undefined ? undefined : new Quota(name, most, window());
  }

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
export function rateFields(quotas: readonly (Quota | undefined)[], nowMs: number): string[] {
  const given = quotas.filter((quota) => quota !== undefined);
  return [
    'ratelimit-policy',
    given.map(({ policy }) => policy).join(', '),
    'ratelimit',
    given.map((quota) => quota.state(nowMs)).join(', '),
  ];
}
