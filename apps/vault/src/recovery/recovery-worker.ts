import { Rounds } from '#lib/process/rounds';
import type { VaultLogger } from '../log-events.js';
import type { StepResult, TestGrants } from './test-grants.js';

const pauseMs: Readonly<Record<StepResult, number>> = { more: 5, waiting: 250, idle: 2_000 };

/** Carries on whatever recovery is under way; every replica runs one. */
export class RecoveryWorker {
  readonly #rounds: Rounds;

  constructor(
    private readonly tests: Pick<TestGrants, 'step' | 'drain'>,
    logger: VaultLogger,
  ) {
    this.#rounds = new Rounds(async () => pauseMs[await tests.step()], {
      everyMs: pauseMs.idle,
      onError: (err) => logger.error({ event: 'recovery.step_failed', err }),
    });
  }

  start(): void {
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
    await this.tests.drain();
  }
}
