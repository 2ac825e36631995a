import { Problem } from '#lib/problem/problem';
import type { AuditActor, AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { PostgresClientSessions } from './postgres-client-sessions.js';
import type { PostgresRegisteredClients, RegisteredClient } from './postgres-registered-clients.js';

/** Clients that registered themselves, as administrators see them. */
export class RegisteredClientDesk {
  constructor(
    private readonly database: Database,
    private readonly registered: PostgresRegisteredClients,
    private readonly sessions: PostgresClientSessions,
    private readonly audit: AuditLog,
  ) {}

  /** By client id, after `after`. */
  list(after: string, limit: number): Promise<readonly RegisteredClient[]> {
    return this.registered.list(after, limit);
  }

  /** The client and every session that people gave it; consents stay, for whoever has them looks at them. Throws Problem. */
  async end(clientId: string, by: { actor: AuditActor; requestId: string }): Promise<void> {
    await this.database.transaction(async (tx) => {
      if (!(await this.registered.remove(tx, clientId)))
        throw new Problem('not-found', 'No client registered itself under this id.');
      await this.sessions.endOfClient(tx, clientId);
      await this.audit.record(tx, {
        ...by,
        action: 'sign_in_client.removed',
        outcome: 'success',
        target: { clientId },
      });
    });
  }
}
