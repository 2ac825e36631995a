import type { Clock } from '#lib/clock/clock';
import type { SignatureTurn } from '#lib/jwt/signature-turn';
import { FairLines } from './fair-lines.js';
import { Forgeries, type Sender } from './forgeries.js';

/** Twice the threads that Node computes them on. */
export const mostUnderWay = 8;
const waiting = { inAll: 4_096, inLine: 1_024 };
/** Long enough that a flood which waits for its answers becomes a slow one, too short for anybody to notice. */
const roundMs = 25;
const mostHeld = 1_024;

interface Waiting {
  readonly sender: Sender;
  readonly go: (turn: SignatureTurn | undefined) => void;
}

export const signatureOutcomes = ['good', 'bad', 'refused'] as const;

/**
 * Who may have a signature computed. Eight at a time are; others wait, network by network in turn. From where bad ones came
 * lately, so many a second are tried as the process spends on bad ones: every 25 ms those who are there are ordered and all
 * but the first few refused.
 */
export class SignatureTurns {
  readonly outcomes: Record<(typeof signatureOutcomes)[number], number> = {
    ...{ good: 0, bad: 0, refused: 0 },
  };
  readonly #forgeries: Forgeries;
  readonly #lines = new FairLines<Waiting & { readonly paid: boolean }>(waiting);
  #held: Waiting[] = [];
  #underWay = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#forgeries = new Forgeries(clock);
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** Undefined: too many are asked for. A turn must be ended. */
  ask(sender: Sender): SignatureTurn | undefined | Promise<SignatureTurn | undefined> {
    if (!this.#forgeries.isSuspect(sender.network)) return this.#enter(sender, false);
    // Whoever came first in a round must not take what the others of it are to share.
    if (this.#held.length === 0 && this.#forgeries.pay()) return this.#enter(sender, true);
    if (this.#held.length >= mostHeld) return this.#refuse();
    if (this.#held.length === 0) setTimeout(this.#endRound, roundMs);
    return new Promise((go) => this.#held.push({ sender, go }));
  }

  #enter(
    sender: Sender,
    paid: boolean,
  ): SignatureTurn | undefined | Promise<SignatureTurn | undefined> {
    if (this.#underWay < mostUnderWay) return this.#begin(sender, paid);
    let go: Waiting['go'] = () => undefined;
    const turn = new Promise<SignatureTurn | undefined>((resolve) => (go = resolve));
    if (this.#lines.push(sender.network, { sender, paid, go })) return turn;
    if (paid) this.#forgeries.giveBack();
    return this.#refuse();
  }

  #begin(sender: Sender, paid: boolean): SignatureTurn {
    this.#underWay += 1;
    return { ended: (good) => this.#ended(good, sender, paid) };
  }

  #ended(good: boolean, sender: Sender, paid: boolean): void {
    this.#underWay -= 1;
    this.outcomes[good ? 'good' : 'bad'] += 1;
    if (!good) this.#forgeries.found(sender, paid);
    else if (paid) this.#forgeries.giveBack();
    const next = this.#lines.shift();
    if (next !== undefined) next.go(this.#begin(next.sender, next.paid));
  }

  readonly #endRound = (): void => {
    const held = this.#forgeries.inOrder(this.#held);
    this.#held = [];
    for (const { sender, go } of held) {
      const turn = this.#forgeries.pay() ? this.#enter(sender, true) : this.#refuse();
      if (turn instanceof Promise) void turn.then(go);
      else go(turn);
    }
  };

  #refuse(): undefined {
    this.outcomes.refused += 1;
    return undefined;
  }
}
