import type { Laboratory } from './stack/laboratory.js';
import type { Outcome, Scale } from './tally.js';

/** One promise of the reliability contract, and how it is put to the test. */
export interface Experiment {
  readonly promise: `R${number}`;
  readonly title: string;
  readonly run: (laboratory: Laboratory, scale: Scale) => Promise<Outcome>;
}
