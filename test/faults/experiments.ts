import type { Experiment } from './experiment.js';
import { acknowledgedConsents } from './r1-acknowledged-consents.js';
import { noTokenWithoutRecord } from './r10-no-token-without-record.js';
import { postgresKilled } from './r11-postgres-killed.js';
import { clockJumps } from './r12-clock-jumps.js';
import { oneRefreshAtATime } from './r2-one-refresh-at-a-time.js';
import { revokedIsUnusable } from './r3-revoked-is-unusable.js';
import { providerDown } from './r4-provider-down.js';
import { issuerKeysUnavailable } from './r5-issuer-keys-unavailable.js';
import { restarts } from './r6-restarts.js';
import { noHerd } from './r7-no-herd.js';
import { transientFaults } from './r8-transient-faults.js';
import { hungProvider } from './r9-hung-provider.js';

/** The reliability contract, in order. */
export const experiments: readonly Experiment[] = [
  acknowledgedConsents,
  oneRefreshAtATime,
  revokedIsUnusable,
  providerDown,
  issuerKeysUnavailable,
  restarts,
  noHerd,
  transientFaults,
  hungProvider,
  noTokenWithoutRecord,
  postgresKilled,
  clockJumps,
];
