import { Rounds } from '#lib/process/rounds';
import type { VaultLogger } from '../log-events.js';
import type { EndPerson } from './end-person.js';
import type { PostgresLeaverStore } from './postgres-leaver-store.js';
import type { SettleLeaver } from './settle-leaver.js';

const pollMs = 2_000;

/** Takes up what a process that died left unfinished, and settles receipts whose providers have answered. */
export class LeaverWorker {
  readonly #rounds: Rounds;

  constructor(
    private readonly leavers: Pick<PostgresLeaverStore, 'unfinished' | 'settleable'>,
    private readonly ending: Pick<EndPerson, 'carryOut'>,
    private readonly settling: SettleLeaver,
    private readonly logger: VaultLogger,
  ) {
    this.#rounds = new Rounds(() => this.poll(), {
      everyMs: pollMs,
      onError: (error) => this.#failed(error),
    });
  }

  start(): void {
    this.#rounds.start();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** One round; each person's fault is their own. */
  async poll(): Promise<void> {
    for (const leaver of await this.leavers.unfinished())
      await this.#guarded(() => this.ending.carryOut(leaver));
    for (const id of await this.leavers.settleable())
      await this.#guarded(() => this.settling.settle(id));
  }

  async #guarded(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(err: unknown): void {
    this.logger.error({ event: 'leaver.work_failed', err });
  }
}
