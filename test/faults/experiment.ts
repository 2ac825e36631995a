import type { Laboratory } from './stack/laboratory.js';
import type { Outcome, Scale } from '#lib/testing/tally';

/** What an experiment is carried out in. */
export type Ground = Pick<Laboratory, 'stack' | 'killDatabase' | 'startDatabase'>;

/** One promise of the reliability contract, and how it is put to the test. */
export interface Experiment {
  readonly promise: `R${number}`;
  readonly title: string;
  /**
   * In a run of all: `beside` the others, because it lasts long and mostly waits · `alone` at the end, because it
   * measures times · else one after the other.
   */
  readonly when?: 'beside' | 'alone';
  readonly run: (laboratory: Ground, scale: Scale) => Promise<Outcome>;
}
