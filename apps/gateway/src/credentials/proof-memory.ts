const most = 10_000;

/** What upstreams said of proofs, by origin, in this replica: nonces for the next one, and who does not know DPoP at all. */
export class ProofMemory {
  readonly #nonces = new Map<string, string>();
  readonly #unaware = new Set<string>();

  nonceOf(origin: string): string | undefined {
    return this.#nonces.get(origin);
  }

  keepNonce(origin: string, nonce: string): void {
    if (this.#nonces.size >= most) this.#nonces.clear();
    this.#nonces.set(origin, nonce);
  }

  takesBearer(origin: string): boolean {
    return this.#unaware.has(origin);
  }

  /** It took a bound token as a bearer token (RFC 9449 §7.2), or does so no longer. */
  noteBearer(origin: string, taken: boolean): void {
    if (this.#unaware.size >= most) this.#unaware.clear();
    if (taken) this.#unaware.add(origin);
    else this.#unaware.delete(origin);
  }
}
