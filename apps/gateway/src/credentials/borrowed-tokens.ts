import { type InLine, Line } from '#lib/line/line';
import type { BorrowedToken } from './borrowed-token.js';
import { ByPerson, isList } from './by-person.js';
import type { Use, Wanted } from './use.js';

/** A token to keep, what was asked for, and what may end it. Times in monotonic milliseconds. */
export interface KeptToken {
  readonly use: Use;
  readonly scopes: readonly string[];
  readonly source: string | undefined;
  readonly token: BorrowedToken;
  readonly grantVersion: number | undefined;
  readonly usableUntilMs: number;
}

/** One of a hundred thousand: fields and no objects of their own, the use that of its lease. */
class CachedToken implements KeptToken, InLine<CachedToken> {
  readonly use: Use;
  readonly scopes: readonly string[];
  readonly source: string | undefined;
  readonly token: BorrowedToken;
  readonly grantVersion: number | undefined;
  readonly usableUntilMs: number;
  older: CachedToken | undefined = undefined;
  newer: CachedToken | undefined = undefined;

  constructor({ use, scopes, source, token, grantVersion, usableUntilMs }: KeptToken) {
    this.use = use;
    this.scopes = scopes;
    this.source = source;
    this.token = token;
    this.grantVersion = grantVersion;
    // A whole number takes no space of its own.
    this.usableUntilMs = Math.floor(usableUntilMs);
  }

  get person(): string {
    return this.use.person;
  }

  isFor({ upstream, application, scopes, source }: Omit<Wanted, 'person'>): boolean {
    return (
      this.use.upstream === upstream &&
      this.use.application === application &&
      this.source === source &&
      isSame(this.scopes, scopes)
    );
  }
}

/** A hundred thousand people's, and some to spare. */
const maxTokens = 120_000;
/** Each call looks through its person's; who brings ever new tokens of their own makes no call of theirs slow. */
const mostOfOne = 256;

/** Tokens at hand: bounded, the oldest goes first; none lives longer than a minute anyway. */
export class BorrowedTokens {
  readonly #people = new ByPerson<CachedToken>();
  readonly #line = new Line<CachedToken>();
  #size = 0;

  constructor(private readonly limit = maxTokens) {}

  get size(): number {
    return this.#size;
  }

  find(wanted: Wanted, nowMs: number): BorrowedToken | undefined {
    const cached = this.#cached(wanted);
    if (cached === undefined) return undefined;
    // One whose lease has ended would end whatever is answered with it.
    if (nowMs < cached.usableUntilMs && cached.token.revocation?.happened !== true)
      return cached.token;
    this.#remove(cached);
    return undefined;
  }

  put(kept: KeptToken, nowMs: number): void {
    const cached = new CachedToken(kept);
    const others = this.#people.of(cached.person);
    const previous = others.find((other) => other.isFor(wantedOf(kept)));
    const replaced = previous ?? (others.length >= mostOfOne ? others[0] : undefined);
    if (replaced !== undefined) this.#remove(replaced);
    this.#people.add(cached);
    this.#line.add(cached);
    this.#size += 1;
    this.#removeOver(nowMs);
  }

  /** Forgets the one that would be found. */
  forget(wanted: Wanted): void {
    const cached = this.#cached(wanted);
    if (cached !== undefined) this.#remove(cached);
  }

  /** Forgets what `matches` of this person's. */
  purge(person: string, matches: (cached: KeptToken) => boolean): void {
    for (const cached of this.#people.of(person)) if (matches(cached)) this.#remove(cached);
  }

  clear(): void {
    this.#people.clear();
    this.#line.clear();
    this.#size = 0;
  }

  #cached(wanted: Wanted): CachedToken | undefined {
    const held = this.#people.whole(wanted.person);
    if (held === undefined) return undefined;
    if (isList(held)) return held.find((one) => one.isFor(wanted));
    return held.isFor(wanted) ? held : undefined;
  }

  /** Two out for one in: what a busy hour leaves behind goes with the next calls. */
  #removeOver(nowMs: number): void {
    for (let looked = 0; looked < 2; looked += 1) {
      const { oldest } = this.#line;
      if (oldest === undefined) return;
      if (nowMs < oldest.usableUntilMs && this.#size <= this.limit) return;
      this.#remove(oldest);
    }
  }

  #remove(cached: CachedToken): void {
    this.#people.delete(cached);
    this.#line.remove(cached);
    this.#size -= 1;
  }
}

function wantedOf({ use: { upstream, application }, scopes, source }: KeptToken) {
  return { upstream, application, scopes, source };
}

// Mostly it is the list of the configuration itself.
function isSame(one: readonly string[], other: readonly string[]): boolean {
  if (one === other) return true;
  return one.length === other.length && one.every((scope, i) => scope === other[i]);
}
