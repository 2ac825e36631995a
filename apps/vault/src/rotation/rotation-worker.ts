import { Rounds } from '#lib/process/rounds';
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
export function rotationWorker(
  rotation: Pick<AdvanceRotation, 'step'>,
  logger: VaultLogger,
): Rounds {
  return new Rounds(async () => pauseMs[await rotation.step()], {
    everyMs: pauseMs.idle,
    onError: (err) => logger.error({ event: 'rotation.step_failed', err }),
  });
}
