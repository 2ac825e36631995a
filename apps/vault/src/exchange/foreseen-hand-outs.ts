import type { Foreseen, WorkingGrant } from '../grants/postgres-held-grants.js';

type HandedOut = Pick<Foreseen, 'mark'> & {
  readonly grant: Pick<WorkingGrant, 'id' | 'version'>;
  /** Epoch seconds, to which nothing but a change would make the decision another one. */
  readonly until: number;
};

const mostRemembered = 20_000;

/**
 * What was handed out last, by what was asked: the next exchange will most likely be the same. Nothing is decided by
 * this; it only lets the read of the next exchange write that one's record, if it finds everything as it was.
 */
export class ForeseenHandOuts {
  readonly #last = new Map<string, HandedOut>();
  #registry: unknown;

  /** `registry`: the current one; another one makes other decisions, so all is forgotten. */
  find(asked: string, registry: unknown, now: number): HandedOut | undefined {
    if (registry !== this.#registry) this.#last.clear();
    this.#registry = registry;
    const last = this.#last.get(asked);
    return last !== undefined && now <= last.until ? last : undefined;
  }

  remember(asked: string, registry: unknown, handedOut: HandedOut): void {
    if (registry !== this.#registry) return;
    if (this.#last.size >= mostRemembered) this.#last.clear();
    this.#last.set(asked, handedOut);
  }
}
