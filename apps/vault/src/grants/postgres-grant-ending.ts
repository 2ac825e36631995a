import type { Secret } from '#lib/secret/secret';
import type { Transaction } from '../database/database.js';
import { queryOf } from '../database/postgres-database.js';
import type { Sealer } from '../sealing/sealer.js';
import {
  grantColumns,
  type GrantRow,
  storedGrant,
  type StoredGrant,
} from './postgres-grant-row.js';
import { accessTokenPlace, refreshTokenPlace } from './sealed-places.js';
import type { TokenTarget } from './token-target.js';

/** A token that ends with its grant; `open` rejects with SealBroken. */
export interface HeldToken {
  readonly kind: 'refresh_token' | 'access_token';
  readonly expiresAt: Date | undefined;
  open(): Promise<Secret>;
}

/** The SQL of ending one grant. */
export class PostgresGrantEnding {
  constructor(private readonly sealer: Sealer) {}

  /** Locks the row and reads what the provider is to end: the refresh token, else each access token. */
  async tokensToRevoke(
    tx: Transaction,
    id: string,
  ): Promise<{ grant: StoredGrant; tokens: readonly HeldToken[] } | undefined> {
    const query = queryOf(tx);
    const [row] = await query<GrantRow & { refreshToken: Buffer | null }>(
      `SELECT ${grantColumns}, g.refresh_token AS "refreshToken" FROM user_grant g WHERE g.id = $1 FOR UPDATE`,
      [id],
    );
    if (!row) return undefined;
    const { refreshToken } = row;
    const grant = storedGrant(row);
    if (refreshToken !== null) {
      const open = () => this.sealer.open(refreshTokenPlace(row), refreshToken);
      return { grant, tokens: [{ kind: 'refresh_token', expiresAt: undefined, open }] };
    }
    const rows = await query<TokenTarget & { sealed: Buffer; expiresAt: Date | null }>(
      `SELECT resource, scopes, sealed, expires_at AS "expiresAt" FROM access_token
        WHERE grant_id = $1 AND (expires_at IS NULL OR expires_at > now()) ORDER BY issued_at DESC`,
      [id],
    );
    const tokens = rows.map(({ sealed, expiresAt, ...target }) => ({
      kind: 'access_token' as const,
      expiresAt: expiresAt ?? undefined,
      open: () => this.sealer.open(accessTokenPlace(row, target), sealed),
    }));
    return { grant, tokens };
  }

  /** Removes the tokens and advances their version: a refresh in flight finds nothing to store into. */
  async end(tx: Transaction, grant: StoredGrant, reason: string): Promise<StoredGrant> {
    const query = queryOf(tx);
    await query('DELETE FROM access_token WHERE grant_id = $1', [grant.id]);
    const rows = await query<GrantRow>(
      `UPDATE user_grant g SET
         status = 'revoked', status_reason = $4, status_since = now(),
         version = version + 1, token_version = token_version + 1,
         refresh_token = NULL, dpop_key = NULL, refresh_after = NULL,
         refresh_attempt_id = NULL, refresh_started_at = NULL, refresh_token_version = NULL,
         refresh_failures = 0, refresh_error = NULL, failing_since = NULL, rejected_at = NULL,
         updated_at = now()
       WHERE g.id = $1 AND g.issuer_id = $2 AND g.subject = $3
       RETURNING ${grantColumns}`,
      [grant.id, grant.issuerId, grant.subject, reason],
    );
    const [ended] = rows.map(storedGrant);
    if (ended === undefined) throw new Error('A row that this transaction locked is not there.');
    return ended;
  }
}
