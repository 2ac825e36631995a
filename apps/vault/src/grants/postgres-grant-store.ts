import { randomUUID } from 'node:crypto';
import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, type Query, queryOf } from '../database/postgres-database.js';
import type { Sealer } from '../sealing/sealer.js';
import type { GrantKey } from './grants.js';
import type { TokenSet, UpstreamAccount } from '../providers/token-set.js';
import {
  grantColumns,
  type GrantRow,
  storedGrant,
  type StoredGrant,
} from './postgres-grant-row.js';
import { PostgresTokenColumns } from './postgres-token-columns.js';
import { dpopKeyPlace, refreshTokenPlace } from './sealed-places.js';
import type { RefreshPolicies } from './refresh-policies.js';
import type { TokenTarget } from './token-target.js';

const keyIs = `g.issuer_id = $1 AND g.subject = $2 AND g.oauth_client_id = $3 AND g.partition = $4`;

/** Grants as a whole: found, stored with their tokens, and suspended. */
export class PostgresGrantStore {
  readonly #tokens: PostgresTokenColumns;

  constructor(
    private readonly database: PostgresDatabase,
    private readonly sealer: Sealer,
    private readonly policies: Pick<RefreshPolicies, 'of'>,
  ) {
    this.#tokens = new PostgresTokenColumns(sealer);
  }

  async find(key: GrantKey): Promise<StoredGrant | undefined> {
    const rows = await this.database.query<GrantRow>(
      `SELECT ${grantColumns} FROM user_grant g WHERE ${keyIs}`,
      parametersOf(key),
    );
    return rows.map(storedGrant)[0];
  }

  async byId(id: string): Promise<StoredGrant | undefined> {
    const rows = await this.database.query<GrantRow>(
      `SELECT ${grantColumns} FROM user_grant g WHERE g.id = $1`,
      [id],
    );
    return rows.map(storedGrant)[0];
  }

  async listOf(person: { issuerId: string; subject: string }): Promise<StoredGrant[]> {
    const rows = await this.database.query<GrantRow>(
      `SELECT ${grantColumns} FROM user_grant g
        WHERE g.issuer_id = $1 AND g.subject = $2 ORDER BY g.created_at, g.id`,
      [person.issuerId, person.subject],
    );
    return rows.map(storedGrant);
  }

  /**
   * Takes the place of whatever tokens the grant had. Only where no refresh token came, what the same account holds
   * for other resources stays: nothing could bring it back.
   */
  async store(
    tx: Transaction,
    key: GrantKey,
    tokens: TokenSet,
    about: {
      readonly account: UpstreamAccount | undefined;
      readonly requestedScopes: readonly string[];
      readonly target: TokenTarget;
    },
  ): Promise<StoredGrant> {
    const query = queryOf(tx);
    const owner = { ...key, id: await lockedId(query, key) };
    await query(
      `DELETE FROM access_token a USING user_grant g
        WHERE a.grant_id = $1 AND g.id = $1 AND NOT (
          a.resource <> $2 AND $3 AND g.refresh_token IS NULL AND g.dpop_key IS NULL
          AND g.status IN ('active','refreshing') AND g.upstream_subject = $4)`,
      [
        owner.id,
        about.target.resource,
        tokens.refreshToken === undefined && tokens.dpopKey === undefined,
        about.account?.subject ?? null,
      ],
    );
    await this.#tokens.put(query, owner, about.target, tokens);
    await query(
      `UPDATE user_grant SET
         status = 'active', status_reason = NULL,
         status_since = CASE WHEN status IN ('active','refreshing') THEN status_since ELSE now() END,
         created_at = CASE WHEN status IN ('revoked') THEN now() ELSE created_at END,
         version = version + 1, token_version = token_version + 1,
         -- Google repeats no refresh token to an account that it already gave one.
         refresh_token = coalesce($2::bytea, CASE WHEN status IN ('active','refreshing')
                                            AND upstream_subject = $3 THEN refresh_token END),
         -- RFC 9449 §5: what is kept may be bound to the key that there was.
         dpop_key = coalesce($8::bytea, CASE WHEN $2::bytea IS NULL AND status IN ('active','refreshing')
                                           AND upstream_subject = $3 THEN dpop_key END),
         upstream_subject = $3, upstream_account = $4,
         requested_scopes = $5,
         granted_scopes = $6, metadata = $7,
         refresh_attempt_id = NULL, refresh_started_at = NULL, refresh_token_version = NULL,
         refresh_failures = 0, refresh_error = NULL, refresh_paused_until = NULL, failing_since = NULL,
         forced_refresh_at = NULL, rejected_at = NULL,
         updated_at = now()
       WHERE id = $1`,
      [
        owner.id,
        tokens.refreshToken && this.sealer.seal(refreshTokenPlace(owner), tokens.refreshToken),
        about.account?.subject ?? null,
        about.account?.name ?? null,
        about.requestedScopes,
        tokens.scopes,
        JSON.stringify(tokens.metadata ?? {}),
        tokens.dpopKey && this.sealer.seal(dpopKeyPlace(owner), tokens.dpopKey),
      ],
    );
    await this.#tokens.schedule(query, owner, this.policies.of(key.oauthClientId).rules);
    return the(await this.readIn(tx, owner.id));
  }

  async readIn(tx: Transaction, id: string): Promise<StoredGrant | undefined> {
    const rows = await queryOf(tx)<GrantRow>(
      `SELECT ${grantColumns} FROM user_grant g WHERE g.id = $1`,
      [id],
    );
    return rows.map(storedGrant)[0];
  }

  /** The grant there is, locked until the transaction ends. */
  async lock(tx: Transaction, key: GrantKey): Promise<StoredGrant | undefined> {
    const rows = await queryOf(tx)<GrantRow>(
      `SELECT ${grantColumns} FROM user_grant g WHERE ${keyIs} FOR UPDATE`,
      parametersOf(key),
    );
    return rows.map(storedGrant)[0];
  }

  /** Living grants of an oauth client, or of an upstream that has its own, need the person again. */
  async suspend(
    tx: Transaction,
    where: { oauthClientId: string; moved?: true } | { upstreamId: string },
    reason: string,
  ): Promise<StoredGrant[]> {
    const [column, value] =
      'oauthClientId' in where
        ? ['oauth_client_id', where.oauthClientId]
        : ['partition', where.upstreamId];
    if ('oauthClientId' in where) await this.#endTrips(tx, where.oauthClientId);
    if ('oauthClientId' in where && where.moved) await this.#forget(tx, where.oauthClientId);
    const rows = await queryOf(tx)<GrantRow>(
      `UPDATE user_grant g SET
         status = 'needs_consent', status_reason = $2, status_since = now(),
         version = version + 1, refresh_after = NULL, updated_at = now()
       WHERE g.${column} = $1 AND g.status IN ('active','refreshing')
       RETURNING ${grantColumns}`,
      [value, reason],
    );
    return rows.map(storedGrant);
  }

  // Row 34: what the old authorization server is still to answer, has answered, or is to end, is not for the new one.
  async #endTrips(tx: Transaction, oauthClientId: string): Promise<void> {
    // A code that is being redeemed now finds that it is not for this version.
    await queryOf(tx)(
      `WITH ended AS (
         UPDATE upstream_authorization SET used_at = coalesce(used_at, now())
          WHERE oauth_client_id = $1 RETURNING interaction_id)
       UPDATE interaction SET version = version + 1, status = 'pending'
        WHERE id IN (SELECT interaction_id FROM ended) AND status IN ('pending','confirming')`,
      [oauthClientId],
    );
    // By a statement of its own: it sees what was held until the one before had its locks.
    await queryOf(tx)(
      `DELETE FROM unconfirmed_account WHERE interaction_id IN (
         SELECT interaction_id FROM upstream_authorization WHERE oauth_client_id = $1)`,
      [oauthClientId],
    );
    await queryOf(tx)(
      `UPDATE provider_revocation
          SET state = 'failed', sealed = NULL, lease_id = NULL, next_attempt_at = NULL, ended_at = now()
        WHERE oauth_client_id = $1 AND state = 'pending'`,
      [oauthClientId],
    );
  }

  // Row 34: of grants that ended before, too. The version, so that a refresh in flight stores nothing either.
  async #forget(tx: Transaction, oauthClientId: string): Promise<void> {
    await queryOf(tx)(
      `DELETE FROM access_token a USING user_grant g WHERE g.oauth_client_id = $1 AND a.grant_id = g.id`,
      [oauthClientId],
    );
    await queryOf(tx)(
      `UPDATE user_grant SET refresh_token = NULL, dpop_key = NULL, token_version = token_version + 1
        WHERE oauth_client_id = $1 AND (refresh_token IS NOT NULL OR dpop_key IS NOT NULL)`,
      [oauthClientId],
    );
  }
}

/** The row of this key, made if need be, locked until the transaction ends. */
async function lockedId(query: Query, key: GrantKey): Promise<string> {
  await query(
    `INSERT INTO user_grant (id, issuer_id, subject, oauth_client_id, partition,
                             status, requested_scopes, granted_scopes)
     VALUES ($5, $1, $2, $3, $4, 'needs_consent', '{}', '{}')
     ON CONFLICT (issuer_id, subject, oauth_client_id, partition) DO NOTHING`,
    [...parametersOf(key), randomUUID()],
  );
  const [row] = await query<{ id: string }>(
    `SELECT g.id FROM user_grant g WHERE ${keyIs} FOR UPDATE`,
    parametersOf(key),
  );
  return the(row).id;
}

function parametersOf(key: GrantKey): string[] {
  return [key.issuerId, key.subject, key.oauthClientId, key.partition];
}

function the<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('A row that this transaction wrote is not there.');
  return value;
}
