import type { Secret } from '#lib/secret/secret';
import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { Sealer } from '../sealing/sealer.js';
import type { TokenSet } from '../providers/token-set.js';
import {
  grantColumns,
  type GrantRow,
  storedGrant,
  type StoredGrant,
} from './postgres-grant-row.js';
import { PostgresTokenColumns } from './postgres-token-columns.js';
import { refreshTokenPlace } from './sealed-places.js';
import type { TokenTarget } from './token-target.js';

export interface DueGrant {
  readonly grantId: string;
  readonly oauthClientId: string;
  readonly tokenVersion: number;
  readonly target: TokenTarget;
}

/** A refresh on whose behalf the intent is committed. */
export interface Attempt {
  readonly id: string;
  readonly grant: StoredGrant;
  readonly refreshToken: Secret;
  /** Another attempt on the same refresh token began then (epoch seconds) and was never finished. */
  readonly unfinishedSince: number | undefined;
}

export type Beginning =
  | { readonly begun: true; readonly attempt: Attempt }
  /** `changed` meanwhile: read again · `too-soon`: forced less than a minute ago · `paused` after a failure. */
  | { readonly begun: false; readonly because: 'changed' | 'too-soon' }
  | { readonly begun: false; readonly because: 'paused'; readonly seconds: number };

/** The transitions of a refresh: each one conditional UPDATE. */
export class PostgresRefreshStore {
  readonly #tokens: PostgresTokenColumns;

  constructor(
    private readonly database: PostgresDatabase,
    private readonly sealer: Sealer,
  ) {
    this.#tokens = new PostgresTokenColumns(sealer);
  }

  /**
   * Takes due grants off the list for 15 seconds, at most so many per oauth client as `room` says. The claim is
   * only politeness among replicas; the advisory lock is what keeps a second refresh away.
   */
  async claimDue(room: ReadonlyMap<string, number>): Promise<DueGrant[]> {
    return this.database.query<DueGrant & GrantRow>(
      `WITH due AS (
         SELECT chosen.id
           FROM unnest($1::uuid[], $2::int[]) AS room (oauth_client_id, slots)
          CROSS JOIN LATERAL (
            SELECT g.id FROM user_grant g
             WHERE g.oauth_client_id = room.oauth_client_id
               AND g.status IN ('active','refreshing') AND g.refresh_after <= now()
             ORDER BY g.refresh_after LIMIT room.slots
               FOR UPDATE SKIP LOCKED) AS chosen)
       UPDATE user_grant g SET refresh_after = now() + interval '15 seconds'
         FROM due WHERE g.id = due.id
       RETURNING g.id AS "grantId", g.oauth_client_id AS "oauthClientId",
         g.token_version::float8 AS "tokenVersion",
         coalesce((SELECT jsonb_build_object('resource', a.resource, 'scopes', a.scopes)
            FROM access_token a WHERE a.grant_id = g.id
           ORDER BY a.issued_at + (a.expires_at - a.issued_at) * 0.75 NULLS LAST LIMIT 1),
           '{"resource":"","scopes":""}') AS target`,
      [[...room.keys()], [...room.values()]],
    );
  }

  async read(id: string): Promise<StoredGrant | undefined> {
    const rows = await this.database.query<GrantRow>(
      `SELECT ${grantColumns} FROM user_grant g WHERE g.id = $1`,
      [id],
    );
    return rows.map(storedGrant)[0];
  }

  /** Epoch seconds of the database. */
  async now(): Promise<number> {
    const rows = await this.database.query<{ now: number }>(
      'SELECT extract(epoch FROM clock_timestamp())::float8 AS now',
    );
    return rows[0]?.now ?? 0;
  }

  /** Commits the intent to use the refresh token of `tokenVersion`. Only the holder of the lock may call it. */
  begin(
    id: string,
    tokenVersion: number,
    options: { readonly attemptId: string; readonly force: boolean },
  ): Promise<Beginning> {
    return this.database.transaction(async (tx) => {
      const [row] = await queryOf(tx)<BeginRow>(
        `SELECT ${grantColumns}, g.refresh_token AS "refreshToken",
                extract(epoch FROM g.refresh_paused_until - now())::float8 AS "pausedFor",
                coalesce(g.forced_refresh_at > now() - interval '1 minute', false) AS "forcedLately"
           FROM user_grant g WHERE g.id = $1 FOR UPDATE`,
        [id],
      );
      const refusal = refusalOf(row, tokenVersion, options.force);
      if (refusal !== undefined || !row?.refreshToken)
        return refusal ?? { begun: false, because: 'changed' };
      await this.#intend(tx, id, options);
      const grant = storedGrant(row);
      const refreshToken = await this.sealer.open(refreshTokenPlace(row), row.refreshToken);
      const { unfinishedSince } = grant;
      return {
        begun: true,
        attempt: { id: options.attemptId, grant, refreshToken, unfinishedSince },
      };
    });
  }

  /**
   * Stores the new tokens if the token columns are still those that the attempt used. Nothing else is compared:
   * a success that comes late is still the only good refresh token. Undefined if they have changed.
   */
  async succeed(
    tx: Transaction,
    attempt: Attempt,
    target: TokenTarget,
    tokens: TokenSet,
  ): Promise<StoredGrant | undefined> {
    const { grant } = attempt;
    const query = queryOf(tx);
    const fresh =
      tokens.refreshToken && this.sealer.seal(refreshTokenPlace(grant), tokens.refreshToken);
    const rows = await query<GrantRow>(
      `UPDATE user_grant g SET
         status = CASE WHEN g.status = 'refreshing' OR g.status_reason = 'invalid_grant'
                       THEN 'active' ELSE g.status END,
         status_reason = CASE WHEN g.status_reason = 'invalid_grant' THEN NULL ELSE g.status_reason END,
         version = g.version + 1, token_version = g.token_version + 1,
         refresh_token = coalesce($3, g.refresh_token),
         granted_scopes = CASE WHEN cardinality($4::text[]) > 0 THEN $4 ELSE g.granted_scopes END,
         refresh_attempt_id = NULL, refresh_started_at = NULL, refresh_token_version = NULL,
         refresh_failures = 0, refresh_error = NULL, refresh_paused_until = NULL, updated_at = now()
       WHERE g.id = $1 AND g.token_version = $2
       RETURNING ${grantColumns}`,
      [grant.id, grant.tokenVersion, fresh, target.scopes === '' ? tokens.scopes : []],
    );
    const [stored] = rows.map(storedGrant);
    if (stored === undefined) return undefined;
    await this.#tokens.put(query, stored, target, tokens);
    await this.#tokens.schedule(query, stored.id);
    return stored;
  }

  /** `invalid_grant` on the unchanged version: the person is needed. Undefined if it has changed. */
  async declareDead(tx: Transaction, attempt: Attempt): Promise<StoredGrant | undefined> {
    const rows = await queryOf(tx)<GrantRow>(
      `UPDATE user_grant g SET
         status = 'needs_consent', status_reason = 'invalid_grant', status_since = now(),
         version = g.version + 1, refresh_after = NULL, refresh_attempt_id = NULL,
         refresh_started_at = NULL, refresh_token_version = NULL, updated_at = now()
       WHERE g.id = $1 AND g.token_version = $2 AND g.refresh_attempt_id = $3 AND g.status = 'refreshing'
       RETURNING ${grantColumns}`,
      [attempt.grant.id, attempt.grant.tokenVersion, attempt.id],
    );
    return rows.map(storedGrant)[0];
  }

  /** The attempt came to nothing; the grant lives on and is tried again after `seconds`. */
  async postpone(attempt: Attempt, seconds: number, error: string): Promise<void> {
    await this.database.query(
      `UPDATE user_grant SET
         status = CASE WHEN status = 'refreshing' THEN 'active' ELSE status END,
         refresh_failures = refresh_failures + 1, refresh_error = $4,
         refresh_paused_until = now() + make_interval(secs => $3),
         refresh_after = CASE WHEN status = 'refreshing'
                              THEN now() + make_interval(secs => $3) ELSE refresh_after END,
         refresh_attempt_id = NULL, refresh_started_at = NULL, refresh_token_version = NULL,
         updated_at = now()
       WHERE id = $1 AND refresh_attempt_id = $2`,
      [attempt.grant.id, attempt.id, seconds, error],
    );
  }

  /** Due again in a second: should this process die, another takes over while the old token may still be good. */
  async #intend(
    tx: Transaction,
    id: string,
    options: { readonly attemptId: string; readonly force: boolean },
  ): Promise<void> {
    await queryOf(tx)(
      `UPDATE user_grant SET
         status = 'refreshing', refresh_attempt_id = $2, refresh_started_at = now(),
         refresh_token_version = token_version, refresh_after = now() + interval '1 second',
         forced_refresh_at = CASE WHEN $3 THEN now() ELSE forced_refresh_at END
       WHERE id = $1`,
      [id, options.attemptId, options.force],
    );
  }
}

interface BeginRow extends GrantRow {
  readonly refreshToken: Buffer | null;
  readonly pausedFor: number | null;
  readonly forcedLately: boolean;
}

function refusalOf(
  row: BeginRow | undefined,
  tokenVersion: number,
  force: boolean,
): Extract<Beginning, { begun: false }> | undefined {
  if (row === undefined || row.tokenVersion !== tokenVersion)
    return { begun: false, because: 'changed' };
  if (row.status !== 'active' && row.status !== 'refreshing')
    return { begun: false, because: 'changed' };
  // After a failure the queue behind the lock must not try one by one.
  if (row.pausedFor !== null && row.pausedFor > 0)
    return { begun: false, because: 'paused', seconds: Math.ceil(row.pausedFor) };
  return force && row.forcedLately ? { begun: false, because: 'too-soon' } : undefined;
}
