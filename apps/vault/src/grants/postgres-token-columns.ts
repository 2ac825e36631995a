import { createHash } from 'node:crypto';
import type { Query } from '../database/postgres-database.js';
import type { Sealer } from '../sealing/sealer.js';
import { refreshShare } from './domain/grant.js';
import type { GrantKey } from './grants.js';
import type { TokenSet } from '../providers/token-set.js';
import { accessTokenPlace } from './sealed-places.js';
import type { TokenTarget } from './token-target.js';

/** What storing a grant and refreshing it write alike. */
export class PostgresTokenColumns {
  constructor(private readonly sealer: Sealer) {}

  async put(
    query: Query,
    grant: GrantKey & { readonly id: string },
    target: TokenTarget,
    tokens: TokenSet,
  ): Promise<void> {
    await query(
      `INSERT INTO access_token (grant_id, resource, scopes, sealed, sha256, token_type, issued_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7), to_timestamp($8))
       ON CONFLICT (grant_id, resource, scopes) DO UPDATE SET
         sealed = excluded.sealed, sha256 = excluded.sha256, token_type = excluded.token_type,
         issued_at = excluded.issued_at, expires_at = excluded.expires_at`,
      [
        grant.id,
        target.resource,
        target.scopes,
        this.sealer.seal(accessTokenPlace(grant, target), tokens.accessToken),
        createHash('sha256').update(tokens.accessToken.reveal()).digest(),
        tokens.tokenType,
        tokens.issuedAt,
        tokens.expiresAt ?? null,
      ],
    );
  }

  /** The grant is due when the first of its tokens is; never without a refresh token or a lifetime. */
  async schedule(query: Query, id: string): Promise<void> {
    await query(
      `UPDATE user_grant g SET refresh_after = CASE WHEN g.refresh_token IS NOT NULL THEN
         (SELECT min(a.issued_at + (a.expires_at - a.issued_at) * $2::float8)
            FROM access_token a WHERE a.grant_id = g.id) END
       WHERE g.id = $1 AND g.status IN ('active','refreshing')`,
      [id, refreshShare(Math.random())],
    );
  }
}
