import type { BorrowedToken } from './borrowed-token.js';
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

const maxTokens = 50_000;

/** Tokens at hand: bounded, the oldest goes first; none lives longer than a minute anyway. */
export class BorrowedTokens {
  readonly #byKey = new Map<string, CachedToken>();
  readonly #byPerson = new Map<string, Set<CachedToken>>();

  constructor(private readonly limit = maxTokens) {}

  find(key: string, nowMs: number): BorrowedToken | undefined {
    const cached = this.#byKey.get(key);
    if (cached === undefined) return undefined;
    if (nowMs < cached.usableUntilMs) return cached.token;
    this.#remove(cached);
    return undefined;
  }

  put(cached: CachedToken): void {
    const previous = this.#byKey.get(cached.key);
    if (previous) this.#remove(previous);
    this.#byKey.set(cached.key, cached);
    const ofPerson = this.#byPerson.get(cached.use.person) ?? new Set();
    this.#byPerson.set(cached.use.person, ofPerson.add(cached));
    if (this.#byKey.size > this.limit) this.#removeOldest();
  }

  /** Forgets what `matches` of this person's. */
  purge(person: string, matches: (cached: CachedToken) => boolean): void {
    for (const cached of this.#byPerson.get(person) ?? [])
      if (matches(cached)) this.#remove(cached);
  }

  clear(): void {
    this.#byKey.clear();
    this.#byPerson.clear();
  }

  #removeOldest(): void {
    for (const oldest of this.#byKey.values()) {
      this.#remove(oldest);
      return;
    }
  }

  #remove(cached: CachedToken): void {
    this.#byKey.delete(cached.key);
    const ofPerson = this.#byPerson.get(cached.use.person);
    ofPerson?.delete(cached);
    if (ofPerson?.size === 0) this.#byPerson.delete(cached.use.person);
  }
}
