import type { VaultLogger } from '../log-events.js';
import type { EndPerson } from './end-person.js';
import type { PostgresLeaverStore } from './postgres-leaver-store.js';
import type { SettleLeaver } from './settle-leaver.js';

const pollMs = 2_000;

/** Takes up what a process that died left unfinished, and settles receipts whose providers have answered. */
export class LeaverWorker {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = true;

  constructor(
    private readonly leavers: Pick<PostgresLeaverStore, 'unfinished' | 'settleable'>,
    private readonly ending: Pick<EndPerson, 'carryOut'>,
    private readonly settling: SettleLeaver,
    private readonly logger: VaultLogger,
  ) {}

  start(): void {
    this.#stopped = false;
    this.#pollIn(pollMs * Math.random());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** One round; each person's fault is their own. */
  async poll(): Promise<void> {
    for (const leaver of await this.leavers.unfinished())
      await this.#guarded(() => this.ending.carryOut(leaver));
    for (const id of await this.leavers.settleable())
      await this.#guarded(() => this.settling.settle(id));
  }

  #pollIn(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#guarded(() => this.poll()).finally(() =>
        // Spread, so that replicas do not look in step.
        this.#pollIn(pollMs * (0.8 + 0.4 * Math.random())),
      );
    }, ms);
  }

  async #guarded(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.error({ event: 'leaver.work_failed', err: error });
    }
  }
}
