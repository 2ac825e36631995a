import type { Clock } from '#lib/clock/clock';
import type { InteractionWatch } from '../upstreams/interaction-watch.js';

const lifeSeconds = 24 * 60 * 60;
const most = 100_000;

/** Nonces of sessions that their clients ended, here or at another replica, for as long as they would live. */
export class EndedSessions {
  readonly #until = new Map<string, number>();

  constructor(
    watch: InteractionWatch,
    private readonly clock: Clock,
  ) {
    watch.onSessionEnded((nonce) => this.add(nonce));
  }

  add(nonce: string): void {
    const now = this.clock.now();
    this.#until.set(nonce, now + lifeSeconds);
    // In order of insertion, so the first are the first to go.
    for (const [oldest, until] of this.#until) {
      if (until > now && this.#until.size <= most) break;
      this.#until.delete(oldest);
    }
  }

  has(nonce: string): boolean {
    return this.#until.has(nonce);
  }
}
