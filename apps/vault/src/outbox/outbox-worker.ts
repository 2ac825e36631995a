const pollMs = 1_000;
const pollsPerTidy = 300;
const farewellMs = 2_000;

/** What is owed to somebody else, in the database until it is done. */
export interface Outbox<Item> {
  /** Whoever must not hold up the others: endpoints, providers. */
  lanes(): readonly string[];
  /** Leases what is due, at most so many per lane as `room` says. Replicas get different items. */
  claim(room: ReadonlyMap<string, number>): Promise<readonly Item[]>;
  laneOf(item: Item): string;
  /** One attempt, with its outcome stored. `signal` aborts it when the process stops. */
  attempt(item: Item, signal: AbortSignal): Promise<void>;
  /** Removes what is over; called every few minutes. */
  tidy(): Promise<void>;
}

export interface OutboxOptions {
  readonly atOncePerLane: number;
  readonly onError: (error: unknown) => void;
}

/** Works through an outbox, a few items at a time per lane; what a process that dies leaves is taken up by another. */
export class OutboxWorker<Item> {
  readonly #running = new Map<string, number>();
  readonly #attempts = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;
  #polls = 0;
  #stopped = false;

  constructor(
    private readonly outbox: Outbox<Item>,
    private readonly options: OutboxOptions,
  ) {}

  start(): void {
    this.#pollIn(pollMs * Math.random());
  }

  /** Attempts under way get a moment; then they are cut off, to be repeated. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const cutOff = setTimeout(() => this.#stopping.abort(), farewellMs);
    await this.#polling;
    await this.settled();
    clearTimeout(cutOff);
  }

  /** One look: starts what is due and has room. Resolves once it is started. */
  async poll(): Promise<void> {
    const room = this.#room();
    if (room.size > 0) for (const item of await this.outbox.claim(room)) this.#begin(item);
    if (this.#polls++ % pollsPerTidy === 0) await this.outbox.tidy();
  }

  /** Resolves when no attempt is under way. */
  async settled(): Promise<void> {
    while (this.#attempts.size > 0) await Promise.allSettled(this.#attempts);
  }

  #pollIn(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#polling = this.poll()
        .catch(this.options.onError)
        // Spread, so that replicas do not ask in step.
        .finally(() => this.#pollIn(pollMs * (0.8 + 0.4 * Math.random())));
    }, ms);
  }

  #room(): Map<string, number> {
    const free = this.outbox
      .lanes()
      .map((lane) => [lane, this.options.atOncePerLane - (this.#running.get(lane) ?? 0)] as const);
    return new Map(free.filter(([, slots]) => slots > 0));
  }

  #begin(item: Item): void {
    const lane = this.outbox.laneOf(item);
    this.#running.set(lane, (this.#running.get(lane) ?? 0) + 1);
    const attempt = this.outbox
      .attempt(item, this.#stopping.signal)
      .catch(this.options.onError)
      .finally(() => this.#end(lane, attempt));
    this.#attempts.add(attempt);
  }

  #end(lane: string, attempt: Promise<void>): void {
    const running = this.#running.get(lane) ?? 1;
    if (running === 1) this.#running.delete(lane);
    else this.#running.set(lane, running - 1);
    this.#attempts.delete(attempt);
    // A lane that was full may have more waiting.
    if (running === this.options.atOncePerLane) this.#pollIn(0);
  }
}
