import type { VaultLogger } from '../log-events.js';
import type { StepResult, TestGrants } from './test-grants.js';

const pauseMs: Readonly<Record<StepResult, number>> = { more: 5, waiting: 250, idle: 2_000 };

/** Carries on whatever recovery is under way; every replica runs one. */
export class RecoveryWorker {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = true;

  constructor(
    private readonly tests: Pick<TestGrants, 'step' | 'drain'>,
    private readonly logger: VaultLogger,
  ) {}

  start(): void {
    this.#stopped = false;
    this.#stepIn(pauseMs.idle * Math.random());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
    await this.tests.drain();
  }

  #stepIn(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => (this.#running = this.#step()), ms);
  }

  async #step(): Promise<void> {
    let result: StepResult = 'idle';
    try {
      result = await this.tests.step();
    } catch (error) {
      this.logger.error({ event: 'recovery.step_failed', err: error });
    }
    this.#stepIn(pauseMs[result] * (0.8 + 0.4 * Math.random()));
  }
}
