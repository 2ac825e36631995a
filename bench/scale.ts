import type { FaultStack } from '../test/faults/stack/fault-stack.js';
import type { Person } from '#lib/testing/stack-person';
import type { StatementLog } from './statement-log.js';
import type { WatchedProvider } from './watched-provider.js';

/** What the measurements share. */
export interface Scale {
  readonly stack: FaultStack;
  readonly log: StatementLog;
  readonly provider: WatchedProvider;
  /** Connected in a browser, with tokens that are good for an hour. */
  readonly people: readonly Person[];
}
