import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { GrantSeen } from '../grants/postgres-due-grants.js';
import type { TokenTarget } from '../grants/token-target.js';
import { breakerMinimum } from './recovery.js';

/** A grant whose turn it is; `grant.tokenVersion` is that of the backup's tokens. */
export interface Claim {
  readonly recoveryId: string;
  readonly grant: GrantSeen;
  readonly target: TokenTarget;
}

/** What came of a test. `failed`: the provider could not say; again after so many seconds. */
export type TestOutcome =
  | { readonly came: 'alive' | 'dead' | 'gone' }
  | { readonly came: 'failed'; readonly retryAfterSeconds: number };

/** A provider that the breaker has just stopped. */
export interface Stopped {
  readonly oauthClientId: string;
  readonly tested: number;
  readonly dead: number;
}

const pageSize = 2_000;

/** The queue of grants to be tested: filled page by page, taken one by one, at each provider's pace over all replicas. */
export class PostgresRecoveryQueue {
  constructor(private readonly database: PostgresDatabase) {}

  /** Queues the next page of grants; undefined where nothing is prepared, false at the end. */
  async prepare(tx: Transaction): Promise<boolean | undefined> {
    const query = queryOf(tx);
    const [recovery] = await query<{ id: string; position: string | null }>(
      `SELECT id, position FROM recovery WHERE state = 'preparing' FOR UPDATE SKIP LOCKED`,
    );
    if (recovery === undefined) return undefined;
    const [page] = await query<{ last: string | null }>(pageSql, [
      recovery.id,
      recovery.position,
      pageSize,
    ]);
    if (page?.last) {
      await query('UPDATE recovery SET position = $2 WHERE id = $1', [recovery.id, page.last]);
      return true;
    }
    await query(
      `INSERT INTO recovery_provider (recovery_id, oauth_client_id)
       SELECT DISTINCT recovery_id, oauth_client_id FROM recovery_grant WHERE recovery_id = $1`,
      [recovery.id],
    );
    await query(`UPDATE recovery SET state = 'running' WHERE id = $1`, [recovery.id]);
    await this.#finish(tx, recovery.id);
    return false;
  }

  async isRunning(): Promise<boolean> {
    const rows = await this.database.query(`SELECT FROM recovery WHERE state = 'running'`);
    return rows.length > 0;
  }

  /** The next grant of a provider that is not among `busy` and whose pause is over. */
  async claim(busy: readonly string[]): Promise<Claim | undefined> {
    const [row] = await this.database.query<ClaimRow>(claimSql, [busy]);
    if (row === undefined) return undefined;
    const { recoveryId, target, ...grant } = row;
    return { recoveryId, grant, target };
  }

  /** What the grant is by now: `open` while nothing has come of its test. */
  async stateOf({ grant }: Claim): Promise<'open' | 'alive' | 'dead' | 'gone'> {
    const [row] = await this.database.query<{
      status: string;
      reason: string | null;
      same: boolean;
    }>(
      `SELECT status, status_reason AS reason, token_version = $4 AS same FROM user_grant
        WHERE id = $1 AND issuer_id = $2 AND subject = $3`,
      [grant.id, grant.issuerId, grant.subject, grant.tokenVersion],
    );
    if (row?.status === 'needs_consent' && row.reason === 'restored_backup') return 'dead';
    if (row?.status !== 'active' && row?.status !== 'refreshing') return 'gone';
    return row.same ? 'open' : 'alive';
  }

  /** Notes the outcome once; answers the provider if this is what stops it. */
  async resolve(
    tx: Transaction,
    { recoveryId, grant }: Claim,
    outcome: TestOutcome,
  ): Promise<Stopped | undefined> {
    const query = queryOf(tx);
    if (outcome.came === 'failed') {
      await query(failedSql, [grant.id, recoveryId, outcome.retryAfterSeconds]);
      return undefined;
    }
    const noted = await query(
      `UPDATE recovery_grant SET outcome = $3 WHERE grant_id = $1 AND recovery_id = $2 AND outcome IS NULL
       RETURNING grant_id`,
      [grant.id, recoveryId, outcome.came],
    );
    if (noted.length === 0) return undefined;
    const [counted] = await query<Stopped & { stopped: boolean }>(countSql, [
      recoveryId,
      grant.oauthClientId,
      outcome.came,
      breakerMinimum,
    ]);
    await this.#finish(tx, recoveryId);
    return counted?.stopped === true ? counted : undefined;
  }

  async #finish(tx: Transaction, recoveryId: string): Promise<void> {
    const query = queryOf(tx);
    await query(
      `UPDATE recovery_provider p SET state = 'finished'
        WHERE p.recovery_id = $1 AND p.state <> 'finished' AND NOT EXISTS (
          SELECT FROM recovery_grant t WHERE t.recovery_id = $1
             AND t.oauth_client_id = p.oauth_client_id AND t.outcome IS NULL)`,
      [recoveryId],
    );
    await query(
      `UPDATE recovery SET state = 'finished', finished_at = clock_timestamp()
        WHERE id = $1 AND state = 'running' AND NOT EXISTS (
          SELECT FROM recovery_provider WHERE recovery_id = $1 AND state <> 'finished')`,
      [recoveryId],
    );
  }
}

interface ClaimRow extends GrantSeen {
  readonly recoveryId: string;
  readonly target: TokenTarget;
}

/**
 * $1 recovery, $2 the last grant done, $3 how many. Every grant's version jumps to the clock's milliseconds: gateways
 * may have seen later ones than the backup has. What is queued leaves the index of what is due.
 */
const pageSql = `WITH page AS (
    SELECT g.id, g.issuer_id, g.subject, g.oauth_client_id, g.token_version,
           g.status IN ('active','refreshing') AND g.refresh_token IS NOT NULL
             AND g.oauth_client_id <> ALL(r.never_rotate)
             AND (r.only_client IS NULL OR g.oauth_client_id = r.only_client) AS held
      FROM user_grant g JOIN recovery r ON r.id = $1
     WHERE $2::uuid IS NULL OR g.id > $2
     ORDER BY g.id LIMIT $3 FOR UPDATE OF g),
  queued AS (
    INSERT INTO recovery_grant (grant_id, recovery_id, issuer_id, subject, oauth_client_id, token_version)
    SELECT id, $1, issuer_id, subject, oauth_client_id, token_version FROM page WHERE held
    ON CONFLICT (grant_id) DO NOTHING),
  changed AS (
    UPDATE user_grant g SET
      version = greatest(g.version + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint),
      status = CASE WHEN g.status = 'refreshing' THEN 'active' ELSE g.status END,
      refresh_attempt_id = NULL, refresh_started_at = NULL, refresh_token_version = NULL,
      refresh_paused_until = NULL,
      refresh_after = CASE WHEN page.held THEN NULL ELSE g.refresh_after END
     FROM page WHERE g.id = page.id AND g.issuer_id = page.issuer_id AND g.subject = page.subject)
  SELECT (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last`;

/** $1 oauth clients that this process is at. A claim that nothing comes of is good again after a minute. */
const claimSql = `WITH lane AS (
    SELECT p.recovery_id, p.oauth_client_id, r.rate
      FROM recovery_provider p JOIN recovery r ON r.id = p.recovery_id
     WHERE r.state = 'running' AND p.state = 'testing' AND p.next_test_at <= clock_timestamp()
       AND p.oauth_client_id <> ALL($1::uuid[])
     ORDER BY p.next_test_at LIMIT 1 FOR UPDATE OF p SKIP LOCKED),
  next AS (
    -- No join: then the index gives the first one, however many wait.
    SELECT t.grant_id FROM recovery_grant t
     WHERE t.oauth_client_id = (SELECT oauth_client_id FROM lane) AND t.outcome IS NULL
       AND t.not_before <= now()
     ORDER BY t.wanted_at NULLS LAST, t.not_before, t.grant_id LIMIT 1 FOR UPDATE OF t SKIP LOCKED),
  paced AS (
    UPDATE recovery_provider p SET next_test_at = clock_timestamp() + make_interval(secs => 60.0 / l.rate)
      FROM lane l WHERE p.recovery_id = l.recovery_id AND p.oauth_client_id = l.oauth_client_id)
  UPDATE recovery_grant t SET not_before = now() + interval '1 minute' FROM next
   WHERE t.grant_id = next.grant_id
  RETURNING t.recovery_id AS "recoveryId", t.grant_id AS id, t.issuer_id AS "issuerId", t.subject,
    t.oauth_client_id AS "oauthClientId", t.token_version::float8 AS "tokenVersion",
    coalesce((SELECT jsonb_build_object('resource', a.resource, 'scopes', a.scopes) FROM access_token a
      WHERE a.grant_id = t.grant_id ORDER BY a.used_at DESC NULLS LAST, a.issued_at DESC LIMIT 1),
      '{"resource":"","scopes":""}') AS target`;

/** $1 grant, $2 recovery, $3 seconds. Its provider rests for as long, and the scan leaves the grant alone. */
const failedSql = `WITH again AS (
    UPDATE recovery_grant SET not_before = now() + make_interval(secs => $3)
     WHERE grant_id = $1 AND recovery_id = $2 AND outcome IS NULL
     RETURNING grant_id, recovery_id, issuer_id, subject, oauth_client_id),
  rested AS (
    UPDATE recovery_provider p SET failures = p.failures + 1,
           next_test_at = greatest(p.next_test_at, now() + make_interval(secs => $3))
      FROM again a WHERE p.recovery_id = a.recovery_id AND p.oauth_client_id = a.oauth_client_id)
  UPDATE user_grant g SET refresh_after = NULL FROM again a
   WHERE g.id = a.grant_id AND g.issuer_id = a.issuer_id AND g.subject = a.subject AND g.status = 'active'`;

/** $1 recovery, $2 oauth client, $3 outcome, $4 how many tests say enough. */
const countSql = `WITH counted AS (
    UPDATE recovery_provider p SET
      alive = p.alive + ($3 = 'alive')::int, dead = p.dead + ($3 = 'dead')::int, gone = p.gone + ($3 = 'gone')::int,
      state = CASE WHEN p.state = 'testing' AND NOT p.confirmed AND $3 = 'dead' AND p.alive + p.dead + 1 >= $4
                    AND (p.dead + 1)::float8 / (p.alive + p.dead + 1) > r.breaker_share
                   THEN 'stopped' ELSE p.state END
      FROM recovery r
     WHERE r.id = p.recovery_id AND p.recovery_id = $1 AND p.oauth_client_id = $2
     RETURNING p.oauth_client_id AS "oauthClientId", (p.alive + p.dead)::float8 AS tested, p.dead::float8 AS dead,
       p.state = 'stopped' AND $3 = 'dead' AS stopped)
  SELECT * FROM counted`;
