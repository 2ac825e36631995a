import type { Clock } from '#lib/clock/clock';

/** Where a token comes from. */
export interface Sender {
  /** As `peerOf` names it. */
  readonly network: string;
  readonly connection: object;
}

/** What a process spends on bad signatures in a second, and at once. */
const perSecond = 250;
/** A token that broke on its way makes nobody suspect. */
const suspectFrom = 16;
const rememberedMs = 10_000;
const mostNetworks = 10_000;

interface Record {
  count: number;
  sinceMs: number;
}

/** Bad signatures of the last ten seconds: where they came from, and how many more may be computed. */
export class Forgeries {
  readonly #networks = new Map<string, Record>();
  readonly #connections = new WeakMap<object, number>();
  #left = perSecond;
  #atMs: number;

  constructor(private readonly clock: Pick<Clock, 'monotonicMs'>) {
    this.#atMs = clock.monotonicMs();
  }

  /** How many networks are remembered. */
  get size(): number {
    return this.#networks.size;
  }

  /** Whether so many came from there that the next is likely another. */
  isSuspect(network: string): boolean {
    const record = this.#networks.get(network);
    if (record === undefined) return false;
    if (this.clock.monotonicMs() - record.sinceMs < rememberedMs)
      return record.count >= suspectFrom;
    this.#networks.delete(network);
    return false;
  }

  /** Whether one may be computed that is likely bad. What turns out good is given back. */
  pay(): boolean {
    this.#refill();
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  giveBack(): void {
    this.#left += 1;
  }

  /** A bad one: it costs the same where nobody was suspect. */
  found({ network, connection }: Sender, paid: boolean): void {
    if (!paid && !this.pay()) this.#left = 0;
    const nowMs = this.clock.monotonicMs();
    this.#connections.set(connection, nowMs);
    const record = this.#networks.get(network);
    // Few within ten seconds make nobody suspect; whoever is stays it until ten seconds after the last.
    const goesOn = record !== undefined && nowMs - record.sinceMs < rememberedMs;
    this.#networks.delete(network);
    const count = goesOn ? record.count + 1 : 1;
    const sinceMs = goesOn && count < suspectFrom ? record.sinceMs : nowMs;
    this.#networks.set(network, { count, sinceMs });
    if (this.#networks.size > mostNetworks) this.#forgetOldest();
  }

  /**
   * In which order a few of many are to be tried: network by network in turn, and of each the connections first
   * on which nothing bad came lately; among equals chance decides, which no sender can get ahead of.
   */
  inOrder<Held extends { readonly sender: Sender }>(held: readonly Held[]): Held[] {
    const ofNetwork = new Map<string, number>();
    const rankOf = ({ network }: Sender): number => {
      const rank = ofNetwork.get(network) ?? 0;
      ofNetwork.set(network, rank + 1);
      return rank;
    };
    return held
      .map((one) => ({ one, key: Number(this.#hasForged(one.sender)) + Math.random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ one }) => ({ one, key: rankOf(one.sender) }))
      .sort((a, b) => a.key - b.key)
      .map(({ one }) => one);
  }

  #hasForged({ connection }: Sender): boolean {
    const atMs = this.#connections.get(connection);
    return atMs !== undefined && this.clock.monotonicMs() - atMs < rememberedMs;
  }

  #refill(): void {
    const nowMs = this.clock.monotonicMs();
    this.#left = Math.min(perSecond, this.#left + ((nowMs - this.#atMs) / 1000) * perSecond);
    this.#atMs = nowMs;
  }

  #forgetOldest(): void {
    for (const network of this.#networks.keys()) {
      this.#networks.delete(network);
      return;
    }
  }
}
