import type { PostgresDatabase } from '../database/postgres-database.js';

/** What the vault's database user may do to the audit log. */
export class PostgresAuditRole {
  constructor(private readonly database: PostgresDatabase) {}

  /** Who and what, if it may do more than add and read; undefined as it should be. */
  async tooStrong(): Promise<{ role: string; may: readonly string[] } | undefined> {
    const [found] = await this.database.query<{ role: string; may: string[] }>(
      `SELECT current_user AS role, array_agg(DISTINCT power ORDER BY power) AS may
         FROM pg_class c CROSS JOIN unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'OWN']) AS power
        WHERE c.oid IN ('audit_event'::regclass, 'audit_seal'::regclass)
          AND CASE power WHEN 'OWN' THEN pg_has_role(c.relowner, 'MEMBER')
                         ELSE has_table_privilege(c.oid, power) END
       HAVING count(*) > 0`,
    );
    return found;
  }
}
