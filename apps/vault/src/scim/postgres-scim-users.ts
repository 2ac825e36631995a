import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, type Query, queryOf } from '../database/postgres-database.js';
import type { UserFilter } from './domain/scim-filter.js';
import type { ScimAttributes, ScimUser } from './domain/scim-user.js';

/** A user with what the issuer's tokens call them. */
export interface StoredUser extends ScimUser {
  readonly subject: string;
}

export interface UserPage {
  readonly total: number;
  readonly users: readonly StoredUser[];
}

interface Row extends Omit<StoredUser, 'externalId'>, Record<string, unknown> {
  readonly externalId: string | null;
}

const columns = `u.id, u.user_name AS "userName", u.external_id AS "externalId", u.subject, u.active,
  u.created_at AS "createdAt", u.updated_at AS "updatedAt"`;

const matches = `u.issuer_id = $1
  AND ($2::uuid IS NULL OR u.id = $2) AND ($3::text IS NULL OR lower(u.user_name) = lower($3))
  AND ($4::text IS NULL OR u.external_id = $4) AND ($5::boolean IS NULL OR u.active = $5)`;

/** The users of one issuer's identity provider; every statement names the issuer. */
export class PostgresScimUsers {
  constructor(private readonly database: PostgresDatabase) {}

  async find(issuerId: string, id: string): Promise<StoredUser | undefined> {
    return first(
      this.database.query,
      `SELECT ${columns} FROM scim_user u WHERE u.issuer_id = $1 AND u.id = $2`,
      [issuerId, id],
    );
  }

  async lock(tx: Transaction, issuerId: string, id: string): Promise<StoredUser | undefined> {
    return first(
      queryOf(tx),
      `SELECT ${columns} FROM scim_user u WHERE u.issuer_id = $1 AND u.id = $2 FOR UPDATE`,
      [issuerId, id],
    );
  }

  /** `startIndex` counts from 1. */
  async list(
    issuerId: string,
    filter: UserFilter,
    page: { readonly startIndex: number; readonly count: number },
  ): Promise<UserPage> {
    const { id, userName, externalId, active } = filter;
    const wanted = [issuerId, id ?? null, userName ?? null, externalId ?? null, active ?? null];
    const [counted] = await this.database.query<{ total: number }>(
      `SELECT count(*)::int AS total FROM scim_user u WHERE ${matches}`,
      wanted,
    );
    const rows = await this.database.query<Row>(
      `SELECT ${columns} FROM scim_user u WHERE ${matches} ORDER BY u.number OFFSET $6 LIMIT $7`,
      [...wanted, page.startIndex - 1, page.count],
    );
    return { total: counted?.total ?? 0, users: rows.map(userOf) };
  }

  /** Undefined where the name or the subject is another user's. */
  async add(
    tx: Transaction,
    issuerId: string,
    user: ScimAttributes & { readonly subject: string },
  ): Promise<StoredUser | undefined> {
    return first(
      queryOf(tx),
      `INSERT INTO scim_user AS u (issuer_id, user_name, external_id, subject, active)
       VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING ${columns}`,
      [issuerId, user.userName, user.externalId ?? null, user.subject, user.active],
    );
  }

  /** Undefined where the name or the subject is another user's. */
  async change(
    tx: Transaction,
    issuerId: string,
    id: string,
    user: ScimAttributes & { readonly subject: string },
  ): Promise<StoredUser | undefined> {
    return first(
      queryOf(tx),
      `UPDATE scim_user u SET user_name = $3, external_id = $4, subject = $5, active = $6, updated_at = now()
        WHERE u.issuer_id = $1 AND u.id = $2 AND NOT EXISTS (
          SELECT FROM scim_user o WHERE o.issuer_id = $1 AND o.id <> $2
             AND (lower(o.user_name) = lower($3) OR o.subject = $5))
        RETURNING ${columns}`,
      [issuerId, id, user.userName, user.externalId ?? null, user.subject, user.active],
    );
  }

  async remove(tx: Transaction, issuerId: string, id: string): Promise<void> {
    await queryOf(tx)('DELETE FROM scim_user WHERE issuer_id = $1 AND id = $2', [issuerId, id]);
  }
}

async function first(
  query: Query,
  sql: string,
  parameters: readonly unknown[],
): Promise<StoredUser | undefined> {
  const [row] = await query<Row>(sql, parameters);
  return row && userOf(row);
}

function userOf({ externalId, ...row }: Row): StoredUser {
  return { ...row, externalId: externalId ?? undefined };
}
