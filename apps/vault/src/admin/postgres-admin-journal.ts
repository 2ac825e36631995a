import type { AuditLog } from '../audit/audit-log.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { AdminJournal } from './admin-authentication.js';
import type { AdminPrincipal, AdminUse } from './admin-principal.js';

const firstUse = 'admin.issuer_admin_proven';

/** The audit log is the memory: it is append-only, and every replica reads the same. */
export class PostgresAdminJournal implements AdminJournal {
  constructor(
    private readonly database: PostgresDatabase,
    private readonly audit: AuditLog,
  ) {}

  async hasIssuerAdmin(): Promise<boolean> {
    const rows = await this.database.query('SELECT 1 FROM audit_event WHERE action = $1 LIMIT 1', [
      firstUse,
    ]);
    return rows.length > 0;
  }

  async recordIssuerAdmin({ actor }: AdminPrincipal, use: AdminUse): Promise<void> {
    const { requestId, method, path } = use;
    await this.database.transaction((tx) =>
      this.audit.record(tx, {
        action: firstUse,
        outcome: 'success',
        actor,
        target: { method, path },
        requestId,
      }),
    );
  }

  async recordBootstrap(outcome: 'success' | 'refused', use: AdminUse): Promise<void> {
    const { requestId, method, path } = use;
    await this.database.transaction((tx) =>
      this.audit.record(tx, {
        action: 'admin.bootstrap_token_used',
        outcome,
        actor: { kind: 'admin', client: 'bootstrap-token' },
        target: { method, path },
        requestId,
      }),
    );
  }
}
