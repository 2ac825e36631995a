import type { PostgresDatabase } from '../database/postgres-database.js';

/** What this database's own log says about an end that another log tells of. */
export class PostgresReplayFacts {
  constructor(private readonly database: PostgresDatabase) {}

  /** Whether the grant was given (again) after that. */
  async storedAfter(grantId: string, at: Date): Promise<boolean> {
    const rows = await this.database.query(
      `SELECT FROM audit_event WHERE at > $2 AND action = 'grant.stored' AND target->>'grantId' = $1 LIMIT 1`,
      [grantId, at],
    );
    return rows.length > 0;
  }
}
