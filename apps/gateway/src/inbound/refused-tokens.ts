import type { Clock } from '#lib/clock/clock';
import type { VerificationReason } from '#lib/jwt/caller';
import type { Refusal } from './inbound.js';
import type { VerifiedTokens } from './verified-tokens.js';

interface Remembered {
  readonly refusal: Refusal;
  readonly untilMs: number;
}

const maxEntries = 4_096;
const keptMs = 10_000;
/** What may become right by waiting: never remembered, or for as long as a flood needs to be cheap. */
const keptForMs: Partial<Record<VerificationReason, number>> = {
  'not-yet-valid': 0,
  'issued-in-future': 0,
  'keys-unavailable': 0,
  'unknown-key': 1_000,
};

/**
 * Refusals of tokens by the same key as VerifiedTokens, and apart from them: who floods the one drives nothing good out
 * of the other. Good for ten seconds at most and for as long as nothing that was verified is forgotten either.
 */
export class RefusedTokens {
  readonly #entries = new Map<string, Remembered>();
  #generation: number;

  constructor(
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    private readonly verified: Pick<VerifiedTokens, 'generation'>,
    private readonly limit = maxEntries,
  ) {
    this.#generation = verified.generation;
  }

  get size(): number {
    return this.#entries.size;
  }

  find(key: string): Refusal | undefined {
    this.#forgetOlder();
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    if (this.clock.monotonicMs() < found.untilMs) return found.refusal;
    this.#entries.delete(key);
    return undefined;
  }

  /** Keeps nothing that was judged in an earlier generation. */
  put(key: string, refusal: Refusal, judged: Judged): void {
    this.#forgetOlder();
    const lifeMs = keptForMs[judged.reason] ?? keptMs;
    if (judged.generation !== this.#generation || lifeMs === 0) return;
    this.#entries.set(key, { refusal, untilMs: this.clock.monotonicMs() + lifeMs });
    if (this.#entries.size <= this.limit) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  #forgetOlder(): void {
    if (this.#generation === this.verified.generation) return;
    this.#generation = this.verified.generation;
    this.#entries.clear();
  }
}

interface Judged {
  readonly reason: VerificationReason;
  /** Of VerifiedTokens, before the token was looked at. */
  readonly generation: number;
}
