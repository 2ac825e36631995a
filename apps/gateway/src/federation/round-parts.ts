import type { McpDeps } from '../mcp/mcp-call.js';
import type { ActiveCalls } from './active-calls.js';
import type { Peers } from './peers.js';
import type { ServerRequests } from './server-requests.js';
import type { ResourceSubscriptions } from './resource-subscriptions.js';
import type { SuspendedCalls } from './suspended-calls.js';
import type { UpstreamSignals } from './upstream-signals.js';
import type { TaskIds } from './task-ids.js';
import type { Catalogues } from './catalogues.js';
import type { Pauses } from './pauses.js';

/** What the rounds of a call need of the rest. */
export interface RoundParts {
  readonly deps: McpDeps;
  readonly peers: Peers;
  readonly pauses: Pauses;
  readonly catalogues: Catalogues;
  readonly signals: UpstreamSignals;
  readonly questions: ServerRequests;
  readonly suspended: SuspendedCalls;
  readonly active: ActiveCalls;
  readonly subscriptions: ResourceSubscriptions;
  readonly tasks: TaskIds;
}
