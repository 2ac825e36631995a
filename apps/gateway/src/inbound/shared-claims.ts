import type { Caller } from '#lib/jwt/caller';
import { KnownCaller, type Standing } from './known-caller.js';

// What is compared with each new token's value, and what is remembered at most.
const recentValues = 16;
const mostNames = 64;
const longestText = 256;
const longestList = 32;

type Claims = Caller['claims'];
type Value = string | readonly string[];

/** The last few different ones. */
class Recent<Kept> {
  readonly #kept: Kept[] = [];
  #next = 0;

  same(isSame: (one: Kept) => boolean): Kept | undefined {
    return this.#kept.find(isSame);
  }

  keep(one: Kept): void {
    this.#kept[this.#next] = one;
    this.#next = (this.#next + 1) % recentValues;
  }
}

const noClaims: Claims = Object.freeze({});

/**
 * What one token says is mostly what others say too: of a hundred thousand callers kept, their issuer, audience, client
 * and scopes are kept once. Of the claims stays what some rule asks for.
 */
export class SharedClaims {
  readonly #values = new Map<string, Recent<Value>>();
  readonly #claims = new Recent<Claims>();
  readonly #standings = new Recent<Standing>();

  /** The same caller, in shared words and with a key of the person; of the claims those `asked` for. */
  share(caller: Caller, asked: ReadonlySet<string>): Caller {
    // Member by member: a copy that is grown has a hidden class of its own (V8 11), larger than what it holds.
    const standing: Standing = {
      issuer: caller.issuer,
      machine: caller.machine,
      signedInHere: caller.signedInHere,
      iss: this.#shared('iss', caller.iss),
      application: this.#shared('client_id', caller.application),
      scopes: this.#shared('scopes of the caller', caller.scopes),
      claims: this.#asked(caller.claims, asked),
      audiences: this.#shared('audiences of the caller', caller.audiences),
    };
    const known = this.#standings.same((one) => isAlike(one, standing));
    if (known === undefined) this.#standings.keep(standing);
    return new KnownCaller(caller, known ?? standing);
  }

  #asked(claims: Claims, asked: ReadonlySet<string>): Claims {
    const kept: Record<string, unknown> = {};
    let count = 0;
    for (const name of asked) {
      if (!Object.hasOwn(claims, name)) continue;
      const value = claims[name];
      kept[name] = isValue(value) ? this.#shared(name, value) : value;
      count += 1;
    }
    if (count === 0) return noClaims;
    const known = this.#claims.same((one) => holdsTheSame(one, kept, count));
    if (known === undefined) this.#claims.keep(kept);
    return known ?? kept;
  }

  #shared<T extends Value>(name: string, value: T): T {
    const recent = this.#recentOf(name);
    if (recent === undefined || value.length > limitOf(value)) return value;
    const known = recent.same((one) => isSame(one, value));
    if (known !== undefined) return known as T;
    recent.keep(value);
    return value;
  }

  #recentOf(name: string): Recent<Value> | undefined {
    const known = this.#values.get(name);
    if (known !== undefined || this.#values.size >= mostNames) return known;
    const recent = new Recent<Value>();
    this.#values.set(name, recent);
    return recent;
  }
}

function holdsTheSame(one: Claims, other: Claims, count: number): boolean {
  const names = Object.keys(one);
  return names.length === count && names.every((name) => one[name] === other[name]);
}

function isAlike(one: Standing, other: Standing): boolean {
  return (
    one.issuer === other.issuer &&
    one.iss === other.iss &&
    one.application === other.application &&
    one.machine === other.machine &&
    one.signedInHere === other.signedInHere &&
    one.scopes === other.scopes &&
    one.claims === other.claims &&
    one.audiences === other.audiences
  );
}

function isValue(value: unknown): value is Value {
  if (typeof value === 'string') return true;
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function limitOf(value: Value): number {
  return typeof value === 'string' ? longestText : longestList;
}

function isSame(one: Value, other: Value): boolean {
  if (typeof one === 'string' || typeof other === 'string') return one === other;
  return one.length === other.length && one.every((text, i) => text === other[i]);
}
