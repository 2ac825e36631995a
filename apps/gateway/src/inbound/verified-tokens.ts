import { hash } from 'node:crypto';
import type { Clock } from '#lib/clock/clock';
import type { Caller } from '#lib/jwt/caller';
import { type InLine, Line } from '#lib/line/line';
import type { Refusal } from './inbound.js';

/** What is known of one token at one route: who calls, and whether something forbids it. */
export interface Verdict {
  readonly caller: Caller;
  readonly refusal: Refusal | undefined;
  /** What all but the public tools are answered, where the route has any. */
  readonly lacking?: Refusal | undefined;
}

interface Remembered extends Verdict, InLine<Remembered> {
  readonly key: string;
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
  readonly #line = new Line<Remembered>();
  #generation = 0;

  constructor(
    private readonly clock: Clock,
    private readonly limit = maxEntries,
  ) {}

  get generation(): number {
    return this.#generation;
  }

  get size(): number {
    return this.#entries.size;
  }

  keyOf(token: string, route: string): string {
    // One string of 32 characters, each a byte; no route holds a space.
    return hash('sha256', `${route} ${token}`, 'binary');
  }

  find(key: string): Verdict | undefined {
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    if (this.clock.monotonicMs() < found.untilMs) return found;
    this.#remove(found);
    return undefined;
  }

  /** Keeps nothing that was verified in an earlier generation. */
  put(key: string, verdict: Verdict, generation: number): void {
    if (generation !== this.#generation) return;
    const nowMs = this.clock.monotonicMs();
    const lifeMs = Math.min(maxAgeMs, (verdict.caller.expiresAt - this.clock.now()) * 1000);
    if (lifeMs <= 0) return;
    const before = this.#entries.get(key);
    if (before !== undefined) this.#remove(before);
    const { caller, refusal, lacking } = verdict;
    // A whole number takes no space of its own.
    const untilMs = Math.floor(nowMs + lifeMs);
    const one = { key, caller, refusal, lacking, untilMs, older: undefined, newer: undefined };
    this.#entries.set(key, one);
    this.#line.add(one);
    this.#removeOver(nowMs);
  }

  /** An issuer, its keys or the policy changed. */
  clear(): void {
    this.#generation += 1;
    this.#entries.clear();
    this.#line.clear();
  }

  /** Two out for one in: what a busy hour leaves behind goes with the next ones. */
  #removeOver(nowMs: number): void {
    for (let looked = 0; looked < 2; looked += 1) {
      const { oldest } = this.#line;
      if (oldest === undefined) return;
      if (nowMs < oldest.untilMs && this.#entries.size <= this.limit) return;
      this.#remove(oldest);
    }
  }

  #remove(one: Remembered): void {
    this.#entries.delete(one.key);
    this.#line.remove(one);
  }
}
