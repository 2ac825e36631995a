import type { Laboratory } from './stack/laboratory.js';
import type { Outcome, Scale } from './tally.js';

/** What an experiment is carried out in. */
export type Ground = Pick<Laboratory, 'stack' | 'killDatabase' | 'startDatabase'>;

/** One promise of the reliability contract, and how it is put to the test. */
export interface Experiment {
  readonly promise: `R${number}`;
  readonly title: string;
  readonly run: (laboratory: Ground, scale: Scale) => Promise<Outcome>;
}
