import type { BorrowedToken } from './borrowed-token.js';
import { ByPerson } from './by-person.js';
import type { Use } from './use.js';

/** One cached token and what may end it. Times in monotonic milliseconds. */
export interface CachedToken {
  readonly key: string;
  readonly use: Use;
  readonly grantId: string | undefined;
  readonly grantVersion: number | undefined;
  readonly usableUntilMs: number;
  readonly token: BorrowedToken;
}

/** A hundred thousand people's, and some to spare. */
const maxTokens = 120_000;

/** Tokens at hand: bounded, the oldest goes first; none lives longer than a minute anyway. */
export class BorrowedTokens {
  readonly #byKey = new Map<string, CachedToken>();
  readonly #people = new ByPerson<CachedToken>();

  constructor(private readonly limit = maxTokens) {}

  get size(): number {
    return this.#byKey.size;
  }

  find(key: string, nowMs: number): BorrowedToken | undefined {
    const cached = this.#byKey.get(key);
    if (cached === undefined) return undefined;
    // One whose lease has ended would end whatever is answered with it.
    if (nowMs < cached.usableUntilMs && cached.token.revocation?.happened !== true)
      return cached.token;
    this.#remove(cached);
    return undefined;
  }

  put(cached: CachedToken, nowMs: number): void {
    const previous = this.#byKey.get(cached.key);
    if (previous) this.#remove(previous);
    this.#byKey.set(cached.key, cached);
    this.#people.add(cached);
    this.#removeOver(nowMs);
    if (this.#byKey.size > this.limit) this.#removeOldest();
  }

  /** Forgets what `matches` of this person's. */
  purge(person: string, matches: (cached: CachedToken) => boolean): void {
    for (const cached of this.#people.of(person)) if (matches(cached)) this.#remove(cached);
  }

  clear(): void {
    this.#byKey.clear();
    this.#people.clear();
  }

  /** Two out for one in: what a busy hour leaves behind goes with the next calls. */
  #removeOver(nowMs: number): void {
    let looked = 0;
    for (const cached of this.#byKey.values()) {
      if (looked === 2 || nowMs < cached.usableUntilMs) return;
      this.#remove(cached);
      looked += 1;
    }
  }

  #removeOldest(): void {
    const [oldest] = this.#byKey.values();
    if (oldest !== undefined) this.#remove(oldest);
  }

  #remove(cached: CachedToken): void {
    this.#byKey.delete(cached.key);
    this.#people.delete(cached);
  }
}
