import type { ProofMemory } from './proof-memory.js';

/** What a proof is for; `path` as it is sent, with its query. */
export interface RequestTarget {
  readonly method: string;
  readonly origin: string;
  readonly path: string;
}

/** A bound token and its key, as a request needs them. */
interface Proving {
  /** Whether the token must never go out as a bearer token. */
  readonly required: boolean;
  /** Values of `Authorization`. */
  readonly bearer: string;
  readonly bound: string;
  proof(target: RequestTarget, nonce: string | undefined): string;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

// RFC 9449 §8.1: NQCHAR.
const nonceSyntax = /^[\x21\x23-\x5b\x5d-\x7e]{1,1000}$/;
const knowsDpop = /(?:^|[\s,])DPoP(?:$|[\s,])/i;
const wantsNonce = /(?:^|[\s,])error="?use_dpop_nonce"?(?:$|[\s,])/i;

/** One request that proves the key of its token: its headers, and whether an answer makes it worth sending again. */
export class ProvenRequest {
  #asBearer: boolean;
  #sentNonce: string | undefined;
  #triedNonce = false;
  #triedOther = false;

  constructor(
    private readonly binding: Proving,
    private readonly target: RequestTarget,
    private readonly memory: ProofMemory,
  ) {
    this.#asBearer = !binding.required && memory.takesBearer(target.origin);
  }

  /** Each call signs a proof of its own: names and values, lower case. */
  headers(): string[] {
    if (this.#asBearer) return ['authorization', this.binding.bearer];
    this.#sentNonce = this.memory.nonceOf(this.target.origin);
    const proof = this.binding.proof(this.target, this.#sentNonce);
    return ['authorization', this.binding.bound, 'dpop', proof];
  }

  /** True where the same request may succeed with new `headers`: at most once for a nonce, once as bearer token. */
  heard(status: number, headers: Headers): boolean {
    const { origin } = this.target;
    const nonce = nonceOf(headers);
    if (nonce !== undefined) this.memory.keepNonce(origin, nonce);
    if (status !== 401) {
      if (this.#asBearer && this.#triedOther) this.memory.noteBearer(origin, true);
      return false;
    }
    const challenge = [headers['www-authenticate'] ?? []].flat().join(', ');
    const isAware = knowsDpop.test(challenge);
    if (this.#asBearer) return isAware && this.#switch(false);
    if (!isAware) return !this.binding.required && this.#switch(true);
    return this.#hasNewNonce(challenge, nonce);
  }

  #hasNewNonce(challenge: string, nonce: string | undefined): boolean {
    if (this.#triedNonce || nonce === undefined || nonce === this.#sentNonce) return false;
    this.#triedNonce = wantsNonce.test(challenge);
    return this.#triedNonce;
  }

  /** RFC 9449 §7.2: who does not know DPoP takes a bound token as a bearer token; who does, refuses that. */
  #switch(toBearer: boolean): boolean {
    if (!toBearer) this.memory.noteBearer(this.target.origin, false);
    if (this.#triedOther) return false;
    this.#triedOther = true;
    this.#asBearer = toBearer;
    return true;
  }
}

function nonceOf(headers: Headers): string | undefined {
  const nonce = headers['dpop-nonce'];
  return typeof nonce === 'string' && nonceSyntax.test(nonce) ? nonce : undefined;
}
