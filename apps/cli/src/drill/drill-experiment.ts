import type { Outcome } from '#lib/testing/tally';
import type { DrillStack } from './drill-stack.js';

export interface DrillSettings {
  /** Seconds for which the provider is away. */
  readonly outage: number;
  readonly races: number;
  /** Seconds for which its provider takes a refresh token that was used, where a process may die. */
  readonly grace: number;
}

/** One promise of the reliability contract, put to the test without a process or a database at hand. */
export interface DrillExperiment {
  readonly promise: string;
  readonly title: string;
  readonly run: (stack: DrillStack, settings: DrillSettings) => Promise<Outcome>;
}
