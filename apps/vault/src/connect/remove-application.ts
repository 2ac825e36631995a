import type { AuditLog } from '../audit/audit-log.js';
import type { WebSession } from '../sessions/web-session.js';
import type { ConsentStores } from './consent-stores.js';
import type { Connection } from './list-connections.js';

/** Takes one application's permission back; the connection and the other applications stay. */
export class RemoveApplication {
  constructor(
    private readonly stores: Pick<ConsentStores, 'database' | 'consents'>,
    private readonly audit: AuditLog,
  ) {}

  /** False where this connection has no such consent (any more). */
  async remove(
    session: WebSession,
    connection: Connection,
    target: { consentId: string; issuer: string; requestId: string },
  ): Promise<boolean> {
    const found = connection.applications.find(({ consent }) => consent.id === target.consentId);
    if (!found) return false;
    const { issuer, requestId } = target;
    const { application, consumer } = found.consent;
    await this.stores.database.transaction(async (tx) => {
      await this.stores.consents.remove(tx, found.consent.id);
      await this.audit.record(tx, {
        action: 'consent.removed',
        outcome: 'success',
        actor: { kind: 'person', issuer, subject: session.subject },
        target: { upstream: connection.upstream.document.slug, application, consumer },
        requestId,
      });
    });
    return true;
  }
}
