import type { PostgresDatabase } from '../database/postgres-database.js';

export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  readonly action: string;
  readonly outcome: string;
  readonly actor: Readonly<Record<string, unknown>>;
  readonly target: Readonly<Record<string, unknown>>;
  readonly requestId: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface AuditFilters {
  /** A subject, an application's client id or a machine client's slug. */
  readonly actor?: string;
  readonly action?: string;
  /** Inclusive. */
  readonly from?: string;
  /** Exclusive. */
  readonly to?: string;
}

/** Reads the audit log, newest first. */
export class PostgresAuditEvents {
  constructor(private readonly database: PostgresDatabase) {}

  list(filters: AuditFilters, page: { before: string; limit: number }): Promise<AuditEntry[]> {
    const { actor, action, from, to } = filters;
    return this.database.query<AuditEntry>(
      `${entries}
        WHERE ($1::text IS NULL OR $1 IN (actor->>'subject', actor->>'application', actor->>'client'))
          AND ($2::text IS NULL OR action = $2)
          AND ($3::timestamptz IS NULL OR at >= $3) AND ($4::timestamptz IS NULL OR at < $4)
          AND ($5 = '' OR sequence < nullif($5, '')::bigint)
        ORDER BY sequence DESC LIMIT $6`,
      [actor ?? null, action ?? null, from ?? null, to ?? null, page.before, page.limit],
    );
  }

  async byId(id: string): Promise<AuditEntry | undefined> {
    const [entry] = await this.database.query<AuditEntry>(`${entries} WHERE sequence = $1`, [id]);
    return entry;
  }
}

const entries = `SELECT sequence::text AS id, at, action, outcome, actor, target, request_id AS "requestId", detail
                   FROM audit_event`;
