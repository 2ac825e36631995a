import type { Experiment } from './experiment.js';
import { acknowledgedConsents } from './r1-acknowledged-consents.js';
import { oneRefreshAtATime } from './r2-one-refresh-at-a-time.js';
import { revokedIsUnusable } from './r3-revoked-is-unusable.js';
import { noHerd } from './r7-no-herd.js';
import { transientFaults } from './r8-transient-faults.js';

/** The reliability contract, in order. */
export const experiments: readonly Experiment[] = [
  acknowledgedConsents,
  oneRefreshAtATime,
  revokedIsUnusable,
  noHerd,
  transientFaults,
];
