import type { AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { PostgresWebSessionStore } from './postgres-web-session-store.js';
import type { WebSession } from './web-session.js';

/** Signs a browser out of the vault. Connections go on working. */
export class EndSession {
  constructor(
    private readonly database: Database,
    private readonly sessions: PostgresWebSessionStore,
    private readonly registry: Registry,
    private readonly audit: AuditLog,
  ) {}

  async end(session: WebSession, requestId: string): Promise<void> {
    const issuer = this.registry.current().issuerById(session.issuerId)?.document.slug ?? '';
    await this.database.transaction(async (tx) => {
      await this.sessions.remove(tx, session.hash);
      await this.audit.record(tx, {
        action: 'session.ended',
        outcome: 'success',
        actor: { kind: 'person', issuer, subject: session.subject },
        target: { issuer },
        requestId,
      });
    });
  }
}
