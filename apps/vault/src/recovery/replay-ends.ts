import { Problem } from '#lib/problem/problem';
import type { EndedConsent, EndedGrant } from '#lib/audit-chain/ended-since';
import type { AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { ConsentStore } from '../grants/consent-store.js';
import type { Grants } from '../grants/grants.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { PostgresReplayFacts } from './postgres-replay-facts.js';
import type { RecoveryRequester } from './request-recovery.js';

export interface ReplayParts {
  readonly database: Database;
  readonly facts: PostgresReplayFacts;
  readonly grants: Pick<Grants, 'byId' | 'revoke'>;
  readonly consents: ConsentStore;
  readonly registry: Registry;
  readonly audit: AuditLog;
}

/** What is to end again: the last words of a log on grants and consents. */
export interface Ends {
  readonly grants: readonly EndedGrant[];
  readonly consents: readonly EndedConsent[];
}

/** `reconnected`: the person gave it again since, and that stands. `unknown`: the backup is older than it. */
export type GrantReplay = 'revoked' | 'already' | 'reconnected' | 'unknown';
export type ConsentReplay = 'removed' | 'already' | 'given-again';

export interface ReplayReport {
  readonly grants: Readonly<Record<GrantReplay, number>>;
  readonly consents: Readonly<Record<ConsentReplay, number>>;
}

const reason = 'It was revoked after the backup that was restored.';

/** R3: what was revoked after a backup must not come back to life with it. May be repeated. */
export class ReplayEnds {
  constructor(private readonly parts: ReplayParts) {}

  /** Throws Problem `invalid-request` for what is no time. */
  async replay({ grants, consents }: Ends, by: RecoveryRequester): Promise<ReplayReport> {
    await this.parts.registry.refresh();
    const report = {
      grants: { revoked: 0, already: 0, reconnected: 0, unknown: 0 },
      consents: { removed: 0, already: 0, 'given-again': 0 },
    };
    for (const ended of grants) report.grants[await this.#revoke(ended, by)] += 1;
    for (const ended of consents) report.consents[await this.#remove(ended, by)] += 1;
    return report;
  }

  async #revoke({ grantId, at }: EndedGrant, by: RecoveryRequester): Promise<GrantReplay> {
    const grant = await this.parts.grants.byId(grantId);
    if (grant === undefined) return 'unknown';
    if (grant.status === 'revoked') return 'already';
    if (await this.parts.facts.storedAfter(grantId, timeOf(at))) return 'reconnected';
    await this.parts.grants.revoke(grantId, by.actor, reason);
    return 'revoked';
  }

  async #remove(ended: EndedConsent, { actor, requestId }: RecoveryRequester) {
    const { issuer, subject, application, consumer, upstream, at } = ended;
    const registry = this.parts.registry.current();
    const issuerId = registry.issuer(issuer)?.id;
    const upstreamId = registry.upstream(upstream)?.id;
    if (issuerId === undefined || upstreamId === undefined) return 'already';
    const { consents, audit, database } = this.parts;
    const found = await consents.find({ issuerId, subject, application, consumer, upstreamId });
    if (found === undefined) return 'already';
    if (found.createdAt > timeOf(at)) return 'given-again';
    await database.transaction(async (tx) => {
      await consents.remove(tx, found.id);
      await audit.record(tx, {
        ...{ action: 'consent.removed', outcome: 'success', actor, requestId },
        target: { issuer, subject, application, consumer, upstream },
        detail: { reason },
      });
    });
    return 'removed';
  }
}

function timeOf(at: string): Date {
  const time = new Date(at);
  if (!Number.isNaN(time.getTime())) return time;
  throw new Problem('invalid-request', 'A time of the log is no RFC 3339 time.');
}
