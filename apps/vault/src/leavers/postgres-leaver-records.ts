import type { PostgresDatabase } from '../database/postgres-database.js';
import type { Leaver } from './leaver.js';

/** One record of the audit log, and where it stands in the chain. */
export interface LeaverRecord {
  /** As `GET /admin/v1/audit-events/{id}` takes it. */
  readonly id: string;
  readonly action: string;
  readonly at: Date;
  /** Null until it is chained, within a second or two. */
  readonly position: number | null;
  readonly hash: string | null;
}

export interface ChainedHead {
  readonly position: number;
  readonly hash: string;
}

const actions = [
  'leaver.ordered',
  'leaver.ended',
  'leaver.settled',
  'grant.revoked',
  'grant.revocation_completed',
];

/** What the audit log holds of one person who left. */
export class PostgresLeaverRecords {
  constructor(private readonly database: PostgresDatabase) {}

  of({ issuer, subject, auditAfter, auditUntil }: Leaver): Promise<LeaverRecord[]> {
    return this.database.query<LeaverRecord & Record<string, unknown>>(
      `SELECT e.sequence::text AS id, e.action, e.at, s.position::float8 AS position, encode(s.hash, 'hex') AS hash
         FROM audit_event e LEFT JOIN audit_seal s ON s.sequence = e.sequence
        WHERE e.action = ANY ($1) AND e.sequence > $2 AND ($3::bigint IS NULL OR e.sequence <= $3)
          AND e.target->>'issuer' = $4 AND e.target->>'subject' = $5
        ORDER BY e.sequence LIMIT 1000`,
      [actions, auditAfter, auditUntil, issuer, subject],
    );
  }

  async head(): Promise<ChainedHead | undefined> {
    const [head] = await this.database.query<ChainedHead & Record<string, unknown>>(
      `SELECT position::float8 AS position, encode(hash, 'hex') AS hash
         FROM audit_seal ORDER BY position DESC LIMIT 1`,
    );
    return head;
  }
}
