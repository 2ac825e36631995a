import type { Secret } from '#lib/secret/secret';
import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { Sealer } from '../sealing/sealer.js';
import type { TokenSet } from '../providers/token-set.js';
import type { RefreshRules } from '../registry/domain/oauth-client.js';
import { leaseSeconds, takeoverSeconds } from './domain/lease.js';
import {
  grantColumns,
  type GrantRow,
  storedGrant,
  type StoredGrant,
} from './postgres-grant-row.js';
import { PostgresTokenColumns } from './postgres-token-columns.js';
import { dpopKeyPlace, refreshTokenPlace } from './sealed-places.js';
import type { TokenTarget } from './token-target.js';

/** What finds a grant in its partition. */
export type GrantName = Pick<StoredGrant, 'id' | 'issuerId' | 'subject'>;

/** A refresh on whose behalf the intent is committed. */
export interface Attempt {
  readonly id: string;
  readonly grant: StoredGrant;
  readonly refreshToken: Secret;
  /** What the grant's tokens are bound to (RFC 9449). */
  readonly dpopKey: Secret | undefined;
  /** Another attempt on the same refresh token began then (epoch seconds) and was never finished. */
  readonly unfinishedSince: number | undefined;
  readonly rules: RefreshRules;
}

/** What came of it, and for which of the grant's access tokens. */
export interface Answer {
  readonly target: TokenTarget;
  readonly tokens: TokenSet;
}

export type Beginning =
  | { readonly begun: true; readonly attempt: Attempt }
  /** `changed` meanwhile: read again · `leased` to an attempt that began just now · `too-soon`: forced less than a minute ago, or sooner than the provider allows · `paused` after a failure. */
  | { readonly begun: false; readonly because: 'changed' | 'leased' | 'too-soon' }
  | { readonly begun: false; readonly because: 'paused'; readonly seconds: number };

export interface Intention {
  readonly attemptId: string;
  readonly force: boolean;
  /** The test of a recovery, which alone may use what is held since a backup was restored. */
  readonly isTest: boolean;
  readonly rules: RefreshRules;
}

const grantIs = 'g.id = $1 AND g.issuer_id = $2 AND g.subject = $3';

/** A recovery has not tested these tokens yet. */
const isQueued = `EXISTS (SELECT FROM recovery_grant t
  WHERE t.grant_id = g.id AND t.token_version = g.token_version AND t.outcome IS NULL)`;

// A test whose process died is finished like any other refresh: its refresh token was used already.
const isHeld = `(EXISTS (SELECT FROM recovery r WHERE r.state IN ('held','preparing'))
  OR (g.status = 'active' AND ${isQueued}))`;

// For callers of a grant that waits for its test.
const heldSeconds = 15;

/** The transitions of a refresh: each one conditional UPDATE. */
export class PostgresRefreshStore {
  readonly #tokens: PostgresTokenColumns;

  constructor(
    private readonly database: PostgresDatabase,
    private readonly sealer: Sealer,
  ) {
    this.#tokens = new PostgresTokenColumns(sealer);
  }

  async read({ id, issuerId, subject }: GrantName): Promise<StoredGrant | undefined> {
    const rows = await this.database.query<GrantRow>(
      `SELECT ${grantColumns} FROM user_grant g WHERE ${grantIs}`,
      [id, issuerId, subject],
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
    { tokenVersion, ...name }: GrantName & Pick<StoredGrant, 'tokenVersion'>,
    intention: Intention,
  ): Promise<Beginning> {
    return this.database.transaction(async (tx) => {
      const [row] = await queryOf(tx)<BeginRow>(
        `SELECT ${grantColumns}, g.refresh_token AS "refreshToken", g.dpop_key AS "dpopKey",
                extract(epoch FROM g.refresh_paused_until - now())::float8 AS "pausedFor",
                coalesce(g.status = 'refreshing'
                  AND g.refresh_started_at + make_interval(secs => $5) > now(), false) AS leased,
                coalesce(g.forced_refresh_at > now() - interval '1 minute', false) OR coalesce(
                  (SELECT max(a.issued_at) FROM access_token a WHERE a.grant_id = g.id)
                  + make_interval(secs => $4) > now(), false) AS "forcedTooSoon",
                ${isHeld} AS held
           FROM user_grant g WHERE ${grantIs} FOR UPDATE`,
        [
          ...[name.id, name.issuerId, name.subject, intention.rules.earliestSeconds ?? null],
          leaseSeconds(intention.rules.graceSeconds),
        ],
      );
      if (row?.held === true && !intention.isTest) return this.#hold(tx, name.id);
      const refusal = refusalOf(row, tokenVersion, intention.force);
      if (refusal !== undefined || !row?.refreshToken)
        return refusal ?? { begun: false, because: 'changed' };
      await this.#intend(tx, name, intention);
      const grant = storedGrant(row);
      const refreshToken = await this.sealer.open(refreshTokenPlace(row), row.refreshToken);
      const dpopKey = row.dpopKey
        ? await this.sealer.open(dpopKeyPlace(row), row.dpopKey)
        : undefined;
      const { unfinishedSince } = grant;
      return {
        begun: true,
        attempt: {
          id: intention.attemptId,
          ...{ grant, refreshToken, dpopKey, unfinishedSince },
          rules: intention.rules,
        },
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
    { target, tokens }: Answer,
  ): Promise<StoredGrant | undefined> {
    const { grant } = attempt;
    const query = queryOf(tx);
    const fresh =
      tokens.refreshToken && this.sealer.seal(refreshTokenPlace(grant), tokens.refreshToken);
    const rows = await query<GrantRow>(
      `UPDATE user_grant g SET
         status = CASE WHEN g.status = 'refreshing' OR g.status_reason IN ('invalid_grant','restored_backup')
                       THEN 'active' ELSE g.status END,
         status_reason = CASE WHEN g.status_reason IN ('invalid_grant','restored_backup')
                              THEN NULL ELSE g.status_reason END,
         version = g.version + 1, token_version = g.token_version + 1,
         refresh_token = coalesce($5, g.refresh_token), dpop_key = coalesce($8, g.dpop_key),
         metadata = g.metadata || $7::jsonb,
         granted_scopes = CASE WHEN cardinality($6::text[]) > 0 THEN $6 ELSE g.granted_scopes END,
         refresh_attempt_id = NULL, refresh_started_at = NULL, refresh_token_version = NULL,
         refresh_failures = 0, refresh_error = NULL, refresh_paused_until = NULL, failing_since = NULL,
         last_attempt_at = now(), updated_at = now()
       WHERE ${grantIs} AND g.token_version = $4
       RETURNING ${grantColumns}`,
      [
        ...nameOf(grant),
        grant.tokenVersion,
        fresh,
        target.scopes === '' ? tokens.scopes : [],
        JSON.stringify(tokens.metadata ?? {}),
        attempt.dpopKey === undefined && tokens.dpopKey
          ? this.sealer.seal(dpopKeyPlace(grant), tokens.dpopKey)
          : null,
      ],
    );
    const [stored] = rows.map(storedGrant);
    if (stored === undefined) return undefined;
    await this.#tokens.put(query, stored, target, tokens);
    await this.#tokens.schedule(query, stored, attempt.rules);
    return stored;
  }

  /** `invalid_grant` on the unchanged version: the person is needed. Undefined if it has changed. */
  async declareDead(tx: Transaction, attempt: Attempt): Promise<StoredGrant | undefined> {
    const rows = await queryOf(tx)<GrantRow>(
      `UPDATE user_grant g SET
         status = 'needs_consent', status_since = now(),
         status_reason = CASE WHEN ${isQueued} THEN 'restored_backup' ELSE 'invalid_grant' END,
         version = g.version + 1, refresh_after = NULL, refresh_attempt_id = NULL,
         refresh_started_at = NULL, refresh_token_version = NULL, failing_since = NULL,
         last_attempt_at = now(), updated_at = now()
       WHERE ${grantIs} AND g.token_version = $4 AND g.refresh_attempt_id = $5 AND g.status = 'refreshing'
       RETURNING ${grantColumns}`,
      [...nameOf(attempt.grant), attempt.grant.tokenVersion, attempt.id],
    );
    return rows.map(storedGrant)[0];
  }

  /** The attempt came to nothing; the grant lives on and is tried again after `seconds`. */
  async postpone(attempt: Attempt, seconds: number, error: string): Promise<void> {
    await this.database.query(
      `UPDATE user_grant g SET
         status = CASE WHEN status = 'refreshing' THEN 'active' ELSE status END,
         refresh_failures = refresh_failures + 1, refresh_error = $6,
         failing_since = coalesce(failing_since, now()), last_attempt_at = now(),
         refresh_paused_until = now() + make_interval(secs => $5),
         refresh_after = CASE WHEN status = 'refreshing'
                              THEN now() + make_interval(secs => $5) ELSE refresh_after END,
         refresh_attempt_id = NULL, refresh_started_at = NULL, refresh_token_version = NULL,
         updated_at = now()
       WHERE ${grantIs} AND g.refresh_attempt_id = $4`,
      [...nameOf(attempt.grant), attempt.id, seconds, error],
    );
  }

  /** Whoever is waited for is tested before the others. */
  async #hold(tx: Transaction, grantId: string): Promise<Beginning> {
    await queryOf(tx)(
      'UPDATE recovery_grant SET wanted_at = now() WHERE grant_id = $1 AND wanted_at IS NULL',
      [grantId],
    );
    return { begun: false, because: 'paused', seconds: heldSeconds };
  }

  /** Soon due again: should this process die, another takes over while the old token may still be good. */
  async #intend(tx: Transaction, name: GrantName, intention: Intention): Promise<void> {
    await queryOf(tx)(
      `UPDATE user_grant g SET
         status = 'refreshing', refresh_attempt_id = $4, refresh_started_at = now(),
         refresh_token_version = token_version, refresh_after = now() + make_interval(secs => $6),
         forced_refresh_at = CASE WHEN $5 THEN now() ELSE forced_refresh_at END
       WHERE ${grantIs}`,
      [
        ...nameOf(name),
        intention.attemptId,
        intention.force,
        takeoverSeconds(intention.rules.graceSeconds),
      ],
    );
  }
}

interface BeginRow extends GrantRow {
  readonly refreshToken: Buffer | null;
  readonly dpopKey: Buffer | null;
  readonly pausedFor: number | null;
  readonly leased: boolean;
  readonly forcedTooSoon: boolean;
  readonly held: boolean;
}

function nameOf({ id, issuerId, subject }: GrantName): [string, string, string] {
  return [id, issuerId, subject];
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
  if (row.leased) return { begun: false, because: 'leased' };
  // After a failure the queue behind the lock must not try one by one.
  if (row.pausedFor !== null && row.pausedFor > 0)
    return { begun: false, because: 'paused', seconds: Math.ceil(row.pausedFor) };
  return force && row.forcedTooSoon ? { begun: false, because: 'too-soon' } : undefined;
}
