import type { VaultLogger } from '../log-events.js';
import type { AdvanceRotation, StepResult } from './advance-rotation.js';

const pauseMs: Readonly<Record<StepResult, number>> = {
  // Between two batches other work has its turn.
  more: 15,
  waiting: 500,
  elsewhere: 500,
  idle: 2_000,
};

/** Carries on whatever rotation is under way; every replica runs one, and one of them has the turn. */
export class RotationWorker {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = true;

  constructor(
    private readonly rotation: Pick<AdvanceRotation, 'step'>,
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
  }

  #stepIn(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => (this.#running = this.#step()), ms);
  }

  async #step(): Promise<void> {
    let result: StepResult = 'idle';
    try {
      result = await this.rotation.step();
    } catch (error) {
      this.logger.error({ event: 'rotation.step_failed', err: error });
    }
    this.#stepIn(pauseMs[result] * (0.8 + 0.4 * Math.random()));
  }
}
