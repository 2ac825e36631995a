import type { AuditLog, AuditRecord } from '../audit/audit-log.js';
import type { PostgresClientSessions } from '../authorization-server/postgres-client-sessions.js';
import { shutOut } from '../bars/postgres-bar.js';
import type { Database, Transaction } from '../database/database.js';
import type { Grants } from '../grants/grants.js';
import type { PostgresConsentStore } from '../grants/postgres-consent-store.js';
import type { Ended, RevokeGrant } from '../grants/revoke-grant.js';
import type { InteractionEvents } from '../interactions/interaction-events.js';
import type { PostgresInteractionStore } from '../interactions/postgres-interaction-store.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { PostgresWebSessionStore } from '../sessions/postgres-web-session-store.js';
import type { Leaver, LeaverOrder } from './leaver.js';
import type { EndedCounts, NewConnection, PostgresLeaverStore } from './postgres-leaver-store.js';

export interface EndPersonParts {
  readonly database: Database;
  readonly leavers: PostgresLeaverStore;
  readonly grants: Pick<Grants, 'listOf'>;
  readonly revoking: Pick<RevokeGrant, 'end'>;
  readonly consents: Pick<PostgresConsentStore, 'removeAllOf'>;
  readonly interactions: Pick<PostgresInteractionStore, 'endOf'>;
  readonly interactionEvents: Pick<InteractionEvents, 'ended'>;
  readonly sessions: Pick<PostgresWebSessionStore, 'removeOf'>;
  readonly clientSessions: Pick<PostgresClientSessions, 'endOf'>;
  readonly registry: Registry;
  readonly audit: AuditLog;
}

const reason = 'The person has left.';

/**
 * Ends everything of a person: first the bar, committed, so that nothing new can begin; then what there is, piece by
 * piece. A process that dies in between leaves a row that another one takes up; each piece may be ended twice.
 */
export class EndPerson {
  constructor(private readonly parts: EndPersonParts) {}

  /** The bar alone, in the caller's transaction; `carryOut` belongs after its commit. */
  async order(tx: Transaction, order: LeaverOrder): Promise<{ leaver: Leaver; isNew: boolean }> {
    await shutOut(tx, order);
    const ordered = await this.parts.leavers.order(tx, order);
    const { leaver, isNew } = ordered;
    await this.parts.audit.record(tx, {
      ...recordOf(leaver, 'leaver.ordered'),
      actor: order.by,
      requestId: order.requestId,
      detail: { source: order.source, reason: order.reason ?? null, again: !isNew },
    });
    return ordered;
  }

  /** Everything here; providers are told in the background. */
  async carryOut(leaver: Leaver): Promise<void> {
    await this.parts.database.transaction((tx) => this.#endAllBut(tx, leaver));
    await this.#endConnections(leaver);
    await this.parts.database.transaction(async (tx) => {
      if (!(await this.parts.leavers.markEnded(tx, leaver.id))) return;
      await this.parts.audit.record(tx, recordOf(leaver, 'leaver.ended'));
    });
  }

  /** Sessions, pending requests and consents: with them goes every way to a new token. */
  async #endAllBut(tx: Transaction, leaver: Leaver): Promise<void> {
    const { leavers, sessions, interactions, interactionEvents, consents } = this.parts;
    const pending = await interactions.endOf(tx, leaver);
    for (const interaction of pending) await interactionEvents.ended(tx, interaction, 'declined');
    await this.parts.clientSessions.endOf(tx, leaver);
    const counts: EndedCounts = {
      sessions: await sessions.removeOf(tx, leaver),
      interactions: pending.length,
      consents: await consents.removeAllOf(tx, leaver),
    };
    await leavers.count(tx, leaver.id, counts);
  }

  async #endConnections(leaver: Leaver): Promise<void> {
    const { grants, revoking, leavers } = this.parts;
    for (const grant of await grants.listOf(leaver)) {
      if (grant.status === 'revoked') continue;
      await revoking.end(grant.id, leaver.orderedBy, reason, (tx, ended) =>
        leavers.addConnection(tx, leaver.id, this.#connectionOf(ended)),
      );
    }
  }

  #connectionOf({ grant, owed, unreadable, leftAlone }: Ended): NewConnection {
    const registry = this.parts.registry.current();
    return {
      grantId: grant.id,
      oauthClient: registry.oauthClientById(grant.oauthClientId)?.document.slug ?? null,
      upstream: registry.upstreamById(grant.partition)?.document.slug ?? null,
      upstreamSubject: grant.account?.subject ?? null,
      upstreamAccount: grant.account?.name ?? null,
      scopes: grant.grantedScopes,
      statusBefore: grant.status,
      connectedAt: grant.createdAt,
      lastUsedAt: grant.lastUsedAt ?? null,
      accessTokenUntil: grant.accessTokenExpiresAt ?? null,
      owed: owed.length,
      unreadable,
      leftAlone,
    };
  }
}

/** A record about one person who left; `by` is who ordered it. */
export function recordOf(
  { id, issuer, subject, orderedBy, requestId }: Leaver,
  action: string,
): AuditRecord {
  return {
    action,
    outcome: 'success',
    actor: orderedBy,
    target: { leaver: id, issuer, subject },
    requestId,
  };
}
