import type { Revocation } from '../credentials/credentials.js';

const longestTimerMs = 2 ** 31 - 1;

/** What may end an answer that is under way: the grant's revocation (R3), and for streams the caller's token's end. */
export class OpenAnswer {
  #unwatch: (() => void) | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #closed = false;

  /** `revoked` is called at once where it has happened already. */
  watch(revocation: Revocation | undefined, revoked: () => void, token: string): void {
    if (this.#closed || revocation === undefined) return;
    this.#unwatch?.();
    this.#unwatch = revocation.watch(revoked, token);
  }

  /** A stream outlives no token: who holds the next one opens it again. */
  expireIn(seconds: number, expired: () => void): void {
    if (this.#closed) return;
    const ms = Math.min(Math.max(0, seconds * 1000), longestTimerMs);
    this.#expiry = setTimeout(expired, ms).unref();
  }

  close(): void {
    this.#closed = true;
    this.#unwatch?.();
    clearTimeout(this.#expiry);
  }
}
