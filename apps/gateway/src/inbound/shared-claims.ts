import type { Caller } from '#lib/jwt/caller';

// What is compared with each new token's value, and what is remembered at most.
const recentValues = 8;
const mostNames = 64;
const longestText = 256;
const longestList = 32;

type Value = string | readonly string[];

interface Recent {
  readonly values: Value[];
  next: number;
}

/**
 * What one token says is mostly what others say too: of a hundred thousand callers kept, their issuer, audience, client
 * and scopes are kept once.
 */
export class SharedClaims {
  readonly #recent = new Map<string, Recent>();

  /** The same caller; the parsed claims are its own, and are changed in place to say the same in shared words. */
  share(caller: Caller): Caller {
    const claims = caller.claims as Record<string, unknown>;
    for (const [name, value] of Object.entries(claims))
      // Assigned although it is equal: it is the other one that is kept.
      if (isValue(value)) claims[name] = this.#shared(name, value);
    return {
      ...caller,
      iss: this.#shared('iss', caller.iss),
      application: this.#shared('client_id', caller.application),
      scopes: this.#shared('scopes of the caller', caller.scopes),
      audiences: this.#shared('audiences of the caller', caller.audiences),
    };
  }

  #shared<T extends Value>(name: string, value: T): T {
    const recent = this.#recentOf(name);
    if (recent === undefined || value.length > limitOf(value)) return value;
    const known = recent.values.find((one): one is T => isSame(one, value));
    if (known !== undefined) return known;
    recent.values[recent.next] = value;
    recent.next = (recent.next + 1) % recentValues;
    return value;
  }

  #recentOf(name: string): Recent | undefined {
    const known = this.#recent.get(name);
    if (known !== undefined || this.#recent.size >= mostNames) return known;
    const recent = { values: [], next: 0 };
    this.#recent.set(name, recent);
    return recent;
  }
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
