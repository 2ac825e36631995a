import { isDeepStrictEqual } from 'node:util';
import { Consents } from '../mcp/consents.js';
import type { McpDeps } from '../mcp/mcp-call.js';
import { LegacyStreams } from '../mcp/legacy-streams.js';
import { OpenStreams } from '../mcp/open-streams.js';
import { ActiveCalls } from './active-calls.js';
import { Rounds } from './call-rounds.js';
import { Catalogues, listDeadlineMs } from './catalogues.js';
import { FederatedCalls } from './federated-calls.js';
import { FederatedStreams } from './federated-streams.js';
import { FollowPeers } from './follow-peers.js';
import { JoinedLists } from './joined-lists.js';
import { JoinedUpstreams } from './joined-upstreams.js';
import { LegacyFront } from './legacy-front.js';
import { LegacySessions } from './legacy-sessions.js';
import { ListChanges } from './list-changes.js';
import { allChanges } from './list-kinds.js';
import { ModernFront } from './modern-front.js';
import { Pauses } from './pauses.js';
import { Peers } from './peers.js';
import { ResourceSubscriptions } from './resource-subscriptions.js';
import { ServerRequests } from './server-requests.js';
import { SuspendedCalls } from './suspended-calls.js';
import { Targets } from './targets.js';
import { TaskIds } from './task-ids.js';
import { TaskLists } from './task-lists.js';
import { UpstreamSignals } from './upstream-signals.js';

export interface FederationDeps extends McpDeps {
  /** How long a joined list waits for the slowest upstream. Default 2,500. */
  readonly listDeadlineMs?: number;
}

/** The parts of the joined endpoint, put together. */
export function joinUpstreams(deps: FederationDeps): {
  readonly modern: ModernFront;
  readonly legacy: LegacyFront;
} {
  const joined = new JoinedUpstreams(deps.upstreams);
  const tasks = new TaskIds(deps.sealer);
  const peers = new Peers(deps);
  const changes = new ListChanges();
  const catalogues = new Catalogues(deps, peers, changes);
  const consents = new Consents(deps.watch);
  const told = new LegacyStreams(deps.watch, deps.clock);
  const signals = new UpstreamSignals(catalogues, changes, tasks);
  const pauses = new Pauses(deps, told);
  const [questions, active] = [new ServerRequests(), new ActiveCalls()];
  const subscriptions = new ResourceSubscriptions();
  const rounds = new Rounds({
    ...{ deps, peers, pauses, catalogues, signals, questions, active, subscriptions, tasks },
    suspended: new SuspendedCalls(),
  });
  const calls = new FederatedCalls(deps, new Targets(joined, catalogues, tasks), pauses, rounds);
  const followPeers = new FollowPeers(deps, { peers, consents, catalogues, changes, signals });
  const streams = new FederatedStreams(joined, changes, followPeers);
  const lists = new JoinedLists(deps, joined, catalogues);
  const open = new OpenStreams(deps.clock);
  followGrants(deps, catalogues, changes);
  followRegistry(deps, changes);
  const taskLists = new TaskLists(deps, joined, peers, tasks);
  const sessions = new LegacySessions(deps, joined, peers);
  const shared = { joined, lists, calls, streams, open, sessions, tasks };
  const deadlineMs = deps.listDeadlineMs ?? listDeadlineMs;
  return {
    modern: new ModernFront({ ...shared, deadlineMs }),
    legacy: new LegacyFront({
      ...shared,
      deps,
      told,
      questions,
      active,
      subscriptions,
      taskLists,
    }),
  };
}

/** A consent or its end changes what this person sees. */
function followGrants({ watch }: McpDeps, catalogues: Catalogues, changes: ListChanges): void {
  watch.onEnded(({ issuer, subject, application, upstream, state }) => {
    if (state !== 'completed') return;
    catalogues.outdate(JSON.stringify([issuer, subject, application, upstream]));
    changes.announce(JSON.stringify([issuer, subject, application]), allChanges);
  });
  watch.onGrantChanged(({ issuer, subject, status }) => {
    if (status !== 'revoked' && status !== 'needs_consent') return;
    catalogues.outdatePerson(issuer, subject);
    changes.announceToPerson(issuer, subject, allChanges);
  });
}

/** An upstream that comes, goes or changes changes what everybody sees. */
function followRegistry({ upstreams }: McpDeps, changes: ListChanges): void {
  const configs = (): unknown[] =>
    upstreams.all().flatMap(({ config }) => (config.type === 'mcp' ? [config] : []));
  let known = configs();
  upstreams.onChange?.(() => {
    const now = configs();
    if (!isDeepStrictEqual(known, now)) changes.announceToAll(allChanges);
    known = now;
  });
}
