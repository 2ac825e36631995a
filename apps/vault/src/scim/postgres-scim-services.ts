import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { SubjectAttribute } from './domain/scim-user.js';

/** One issuer's identity provider may tell of its people. */
export interface ScimService {
  readonly issuerId: string;
  readonly subjectAttribute: SubjectAttribute;
}

/** A token as an administrator sees it; the token itself is nowhere. */
export interface ScimTokenEntry {
  readonly id: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}

type ServiceRow = ScimService & Record<string, unknown>;

const columns = 's.issuer_id AS "issuerId", s.subject_attribute AS "subjectAttribute"';
const tokenColumns = 't.id, t.created_at AS "createdAt", t.last_used_at AS "lastUsedAt"';

/** Which issuers speak SCIM, and the hashes of the tokens that they speak it with. */
export class PostgresScimServices {
  constructor(private readonly database: PostgresDatabase) {}

  /** The service that this token opens, if it is this issuer's. */
  async opened(issuerId: string, hash: Buffer): Promise<ScimService | undefined> {
    const [row] = await this.database.query<ServiceRow & { id: string; stale: boolean }>(
      `SELECT ${columns}, t.id, coalesce(t.last_used_at < now() - interval '1 minute', true) AS stale
         FROM scim_token t JOIN scim_service s ON s.issuer_id = t.issuer_id
        WHERE t.hash = $1 AND t.issuer_id = $2`,
      [hash, issuerId],
    );
    if (row === undefined) return undefined;
    if (row.stale)
      await this.database.query('UPDATE scim_token SET last_used_at = now() WHERE id = $1', [
        row.id,
      ]);
    const { subjectAttribute } = row;
    return { issuerId, subjectAttribute };
  }

  async find(issuerId: string): Promise<ScimService | undefined> {
    const [row] = await this.database.query<ServiceRow>(
      `SELECT ${columns} FROM scim_service s WHERE s.issuer_id = $1`,
      [issuerId],
    );
    return row;
  }

  tokens(issuerId: string): Promise<ScimTokenEntry[]> {
    return this.database.query<ScimTokenEntry & Record<string, unknown>>(
      `SELECT ${tokenColumns} FROM scim_token t WHERE t.issuer_id = $1 ORDER BY t.created_at, t.id`,
      [issuerId],
    );
  }

  async put(tx: Transaction, { issuerId, subjectAttribute }: ScimService): Promise<void> {
    await queryOf(tx)(
      `INSERT INTO scim_service (issuer_id, subject_attribute) VALUES ($1, $2)
       ON CONFLICT (issuer_id) DO UPDATE SET subject_attribute = excluded.subject_attribute, updated_at = now()`,
      [issuerId, subjectAttribute],
    );
  }

  /** Locks the service's row, so that what is decided by it stays true. */
  async lock(tx: Transaction, issuerId: string): Promise<(ScimService & Counts) | undefined> {
    const [row] = await queryOf(tx)<ServiceRow & Counts>(
      `SELECT ${columns},
              (SELECT count(*)::int FROM scim_token t WHERE t.issuer_id = s.issuer_id) AS tokens,
              (SELECT count(*)::int FROM scim_user u WHERE u.issuer_id = s.issuer_id) AS users
         FROM scim_service s WHERE s.issuer_id = $1 FOR UPDATE`,
      [issuerId],
    );
    return row;
  }

  /** With its tokens and users; bars that it set stay. */
  async remove(tx: Transaction, issuerId: string): Promise<void> {
    await queryOf(tx)('DELETE FROM scim_service WHERE issuer_id = $1', [issuerId]);
  }

  async addToken(tx: Transaction, issuerId: string, hash: Buffer): Promise<ScimTokenEntry> {
    const [row] = await queryOf(tx)<ScimTokenEntry & Record<string, unknown>>(
      `INSERT INTO scim_token AS t (issuer_id, hash) VALUES ($1, $2) RETURNING ${tokenColumns}`,
      [issuerId, hash],
    );
    if (row === undefined) throw new Error('INSERT … RETURNING gave no row.');
    return row;
  }

  /** False where there is none. */
  async removeToken(tx: Transaction, issuerId: string, id: string): Promise<boolean> {
    const rows = await queryOf(tx)(
      'DELETE FROM scim_token WHERE issuer_id = $1 AND id = $2 RETURNING id',
      [issuerId, id],
    );
    return rows.length > 0;
  }
}

interface Counts {
  readonly tokens: number;
  readonly users: number;
}
