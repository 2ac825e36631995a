import type { PostgresDatabase } from '../database/postgres-database.js';
import type { CircuitState } from './domain/provider-circuit.js';
import type { StoredGrant } from './postgres-grant-row.js';
import type { IdleTimes, RefreshPolicies } from './refresh-policies.js';
import type { TokenTarget } from './token-target.js';

/** What tells one grant, in every partition, and the version of its tokens that was seen. */
export type GrantSeen = Pick<
  StoredGrant,
  'id' | 'issuerId' | 'subject' | 'oauthClientId' | 'tokenVersion'
>;

export interface DueGrant {
  readonly grant: GrantSeen;
  readonly target: TokenTarget;
}

/** An oauth client and whether any of its grants is due. */
export interface Standing extends CircuitState {
  readonly oauthClientId: string;
  readonly due: boolean;
}

interface ClaimedRow extends GrantSeen {
  readonly parked: boolean;
  readonly target: TokenTarget;
}

const parkedAtOnce = 1_000;

/** What is due, and taking it on. Both read the index of what is due, whatever the number of grants. */
export class PostgresDueGrants {
  constructor(
    private readonly database: PostgresDatabase,
    private readonly policies: RefreshPolicies,
    private readonly idle: IdleTimes,
  ) {}

  standing(oauthClientIds: readonly string[]): Promise<Standing[]> {
    return this.database.query<Standing & Record<string, unknown>>(standingSql, [oauthClientIds]);
  }

  /**
   * Takes due grants of an oauth client off the list for 15 seconds: at most `most`, in the order in which they
   * fell due. The claim is only politeness among replicas; the advisory lock is what keeps a second refresh away.
   * Those that nobody uses are taken off until they must be kept alive, or somebody uses them.
   */
  async claim(oauthClientId: string, most: number): Promise<DueGrant[]> {
    for (;;) {
      const rows = await this.#claim(oauthClientId, most, false);
      const claimed = rows.filter(({ parked }) => !parked);
      if (claimed.length < rows.length) await this.#claim(oauthClientId, parkedAtOnce, true);
      if (claimed.length > 0 || rows.length === 0)
        return claimed.map(({ target, parked: _, ...grant }) => ({ grant, target }));
    }
  }

  #claim(oauthClientId: string, most: number, onlyIdle: boolean): Promise<ClaimedRow[]> {
    const { idleSeconds, absoluteSeconds } = this.policies.of(oauthClientId).rules;
    const { idleAfter, keepAlive } = this.idle;
    const ends = [idleAfter, keepAlive, idleSeconds ?? null, absoluteSeconds ?? null];
    return this.database.query<ClaimedRow & Record<string, unknown>>(claimSql, [
      oauthClientId,
      most,
      ...ends,
      onlyIdle,
    ]);
  }
}

/** $1 row ids of oauth clients. One look into the index for each. */
export const standingSql = `SELECT c.id AS "oauthClientId", d.due IS NOT NULL AS due, coalesce(p.failures, 0) AS failures,
         coalesce(greatest(extract(epoch FROM p.paused_until - now()), 0), 0)::float8 AS "pausedFor"
    FROM unnest($1::uuid[]) AS c (id)
    LEFT JOIN provider_circuit p ON p.oauth_client_id = c.id
    LEFT JOIN LATERAL (
      SELECT true AS due FROM user_grant g
       WHERE g.oauth_client_id = c.id AND g.status IN ('active','refreshing')
         AND g.refresh_after IS NOT NULL AND g.refresh_after <= now()
         -- A restored backup: nothing before a recovery has begun.
         AND NOT EXISTS (SELECT FROM recovery r WHERE r.state IN ('held','preparing'))
       LIMIT 1) d ON true`;

const lastUse = 'greatest(g.last_used_at, g.status_since, g.created_at)';

/**
 * $1 oauth client, $2 how many, $3 unused for so long is idle, $4 unused for so long is given up, $5 the provider's
 * own idle limit, $6 its absolute one, $7 only what is idle, and only to take it off the list. A refresh in flight is due again each second, should its process die: whose
 * lock is held by somebody alive is passed over.
 */
export const claimSql = `WITH due AS (
    SELECT g.id, g.issuer_id, g.subject
      FROM user_grant g
     WHERE g.oauth_client_id = $1 AND g.status IN ('active','refreshing')
       AND g.refresh_after IS NOT NULL AND g.refresh_after <= now()
       AND (g.status = 'active'
            OR pg_try_advisory_xact_lock(hashtextextended('symbolon/refresh/' || g.id, 0)))
       AND (NOT $7 OR (g.status = 'active' AND ${lastUse} < now() - make_interval(secs => $3)))
     ORDER BY g.refresh_after LIMIT $2
       FOR UPDATE SKIP LOCKED),
  life AS (
    SELECT due.*, g.status = 'active' AND used.at < now() - make_interval(secs => $3) AS idle,
           CASE WHEN used.at > now() - make_interval(secs => $4)
                 AND coalesce(g.status_since + make_interval(secs => $6) > now(), true)
                THEN (SELECT max(a.issued_at) FROM access_token a WHERE a.grant_id = due.id)
                     + make_interval(secs => $5::float8 * 0.75) END AS keep_alive_at
      FROM due
      JOIN user_grant g ON g.id = due.id AND g.issuer_id = due.issuer_id AND g.subject = due.subject
     CROSS JOIN LATERAL (SELECT ${lastUse} AS at) used),
  parting AS (
    SELECT * FROM (SELECT life.*, idle AND coalesce(keep_alive_at > now(), true) AS parked FROM life) l
     WHERE parked OR NOT $7)
  UPDATE user_grant g
     SET refresh_after = CASE WHEN p.parked THEN p.keep_alive_at ELSE now() + interval '15 seconds' END
    FROM parting p
   WHERE g.id = p.id AND g.issuer_id = p.issuer_id AND g.subject = p.subject
  RETURNING p.parked, g.id, g.issuer_id AS "issuerId", g.subject, g.oauth_client_id AS "oauthClientId",
    g.token_version::float8 AS "tokenVersion",
    coalesce((SELECT jsonb_build_object('resource', a.resource, 'scopes', a.scopes)
       FROM (SELECT t.*, t.used_at >= t.issued_at OR t.used_at = max(t.used_at) OVER () AS wanted
               FROM access_token t WHERE t.grant_id = g.id) a
      -- Of those in use (the one last used always is) the one with the least of its life left.
      ORDER BY a.wanted DESC,
               extract(epoch FROM now() - a.issued_at) / nullif(extract(epoch FROM a.expires_at - a.issued_at), 0)
                 DESC NULLS LAST LIMIT 1),
      '{"resource":"","scopes":""}') AS target`;
