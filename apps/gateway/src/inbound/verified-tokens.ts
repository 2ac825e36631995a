import { hash } from 'node:crypto';
import type { Clock } from '#lib/clock/clock';
import type { Caller } from '#lib/jwt/caller';
import type { Refusal } from './inbound.js';

/** What is known of one token at one route: who calls, and whether something forbids it. */
export interface Verdict {
  readonly caller: Caller;
  readonly refusal: Refusal | undefined;
  /** What all but the public tools are answered, where the route has any. */
  readonly lacking?: Refusal | undefined;
}

interface Remembered extends Verdict {
  readonly untilMs: number;
}

const maxAgeMs = 5 * 60_000;
/** A hundred thousand people's, and some to spare. */
const maxEntries = 120_000;

/**
 * Verdicts by the SHA-256 of the route and the whole token, for min(exp, 5 minutes). Least recently stored
 * goes first. `clear` also fences verifications that are under way.
 */
export class VerifiedTokens {
  readonly #entries = new Map<string, Remembered>();
  #generation = 0;

  constructor(
    private readonly clock: Clock,
    private readonly limit = maxEntries,
  ) {}

  get generation(): number {
    return this.#generation;
  }

  keyOf(token: string, route: string): string {
    // One string of 44 characters; no route holds a space.
    return hash('sha256', `${route} ${token}`, 'base64');
  }

  find(key: string): Verdict | undefined {
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    if (this.clock.monotonicMs() < found.untilMs) return found;
    this.#entries.delete(key);
    return undefined;
  }

  /** Keeps nothing that was verified in an earlier generation. */
  put(key: string, verdict: Verdict, generation: number): void {
    if (generation !== this.#generation) return;
    const lifeMs = Math.min(maxAgeMs, (verdict.caller.expiresAt - this.clock.now()) * 1000);
    if (lifeMs <= 0) return;
    this.#entries.delete(key);
    const { caller, refusal, lacking } = verdict;
    // A whole number takes no space of its own.
    const untilMs = Math.floor(this.clock.monotonicMs() + lifeMs);
    this.#entries.set(key, { caller, refusal, lacking, untilMs });
    if (this.#entries.size <= this.limit) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  /** An issuer, its keys or the policy changed. */
  clear(): void {
    this.#generation += 1;
    this.#entries.clear();
  }
}
