import type { Clock } from '#lib/clock/clock';
import { IssuerKeys, type KeyAnswer, type KeyHeader } from './issuer-keys.js';

/** Reads one document; `Outbound.request` fits. It must bound time and size itself and may throw. */
export type FetchJwks = (
  url: string,
) => Promise<{ readonly status: number; readonly body: Uint8Array }>;

export interface JwksCacheDependencies {
  readonly fetch: FetchJwks;
  readonly clock: Clock;
  /** Called when a read brought other keys than before: what was verified with the old ones may be forgotten. */
  readonly onChange?: (jwksUri: string) => void;
}

export type CachedKeyAnswer = KeyAnswer | { readonly missing: 'keys-unavailable' };

const second = 1_000;
/** From here on a read runs beside the requests, which still get the keys at hand. */
const freshForMs = 10 * 60 * second;
/** From here on requests wait for that read: a removed key is not honoured for a day just because nobody called. */
const waitAfterMs = 60 * 60 * second;
/** A read that keeps failing leaves the last keys good for this long. */
const staleForMs = 24 * 60 * 60 * second;
/** Between two reads, whatever came of the first. */
const coolDownMs = 30 * second;
/** The same while there are no keys at all and nobody can be served. */
const emptyCoolDownMs = 5 * second;

/** The keys of all issuers, each from its pinned address, read as seldom as an attacker with made-up `kid`s allows. */
export class JwksCache {
  readonly #sources = new Map<string, KeySource>();

  constructor(private readonly dependencies: JwksCacheDependencies) {}

  /** All keys at an address, as they were last read; read now if never. */
  async keysAt(jwksUri: string): Promise<IssuerKeys | undefined> {
    return this.#source(jwksUri).all();
  }

  /** The key for this header. `jwksUri` comes from the issuer's registration, never from a token. */
  async keyFor(jwksUri: string, header: KeyHeader): Promise<CachedKeyAnswer> {
    return await this.#source(jwksUri).keyFor(header);
  }

  #source(jwksUri: string): KeySource {
    const source = this.#sources.get(jwksUri) ?? new KeySource(jwksUri, this.dependencies);
    this.#sources.set(jwksUri, source);
    return source;
  }
}

class KeySource {
  #keys?: IssuerKeys;
  #readAtMs = 0;
  #triedAtMs?: number;
  #failing = false;
  #reading?: Promise<void>;

  constructor(
    private readonly jwksUri: string,
    private readonly dependencies: JwksCacheDependencies,
  ) {}

  async keyFor(header: KeyHeader): Promise<CachedKeyAnswer> {
    await this.#keepFresh();
    const found = await this.#find(header);
    // An unknown kid may be a new key: worth one read, unless one just happened.
    if (!('missing' in found) || found.missing !== 'unknown-key') return found;
    await this.#readUnlessCooling();
    const again = await this.#find(header);
    // While reads fail nobody can say that the key does not exist.
    const unsure = 'missing' in again && again.missing === 'unknown-key' && this.#failing;
    return unsure ? { missing: 'keys-unavailable' } : again;
  }

  async all(): Promise<IssuerKeys | undefined> {
    await this.#keepFresh();
    return this.#age() < staleForMs ? this.#keys : undefined;
  }

  async #keepFresh(): Promise<void> {
    const age = this.#age();
    if (age < freshForMs) return;
    const reading = this.#readUnlessCooling();
    if (age >= waitAfterMs) await reading;
  }

  async #find(header: KeyHeader): Promise<CachedKeyAnswer> {
    if (this.#keys === undefined || this.#age() >= staleForMs)
      return { missing: 'keys-unavailable' };
    return await this.#keys.find(header);
  }

  #readUnlessCooling(): Promise<void> {
    if (this.#reading !== undefined) return this.#reading;
    const pause = this.#keys === undefined ? emptyCoolDownMs : coolDownMs;
    const cooling = this.#triedAtMs !== undefined && this.#nowMs() - this.#triedAtMs < pause;
    if (cooling) return Promise.resolve();
    this.#reading = this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #read(): Promise<void> {
    const keys = await this.#fetch();
    this.#triedAtMs = this.#nowMs();
    this.#failing = keys === undefined;
    if (keys === undefined) return;
    const changed = this.#keys !== undefined && this.#keys.fingerprint !== keys.fingerprint;
    // Equal sets keep their imported keys.
    if (this.#keys === undefined || changed) this.#keys = keys;
    this.#readAtMs = this.#triedAtMs;
    if (changed) this.dependencies.onChange?.(this.jwksUri);
  }

  async #fetch(): Promise<IssuerKeys | undefined> {
    try {
      const { status, body } = await this.dependencies.fetch(this.jwksUri);
      return status === 200 ? IssuerKeys.parse(body) : undefined;
    } catch {
      return undefined;
    }
  }

  #age(): number {
    return this.#keys === undefined ? Infinity : this.#nowMs() - this.#readAtMs;
  }

  #nowMs(): number {
    return this.dependencies.clock.monotonicMs();
  }
}
