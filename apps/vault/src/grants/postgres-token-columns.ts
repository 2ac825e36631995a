import { createHash } from 'node:crypto';
import type { Query } from '../database/postgres-database.js';
import type { Sealer } from '../sealing/sealer.js';
import { refreshShare } from './domain/grant.js';
import type { GrantKey, GrantView } from './grants.js';
import type { TokenSet } from '../providers/token-set.js';
import { accessTokenPlace } from './sealed-places.js';
import type { RefreshRules } from '../registry/domain/oauth-client.js';
import type { TokenTarget } from './token-target.js';

type GrantName = Pick<GrantView, 'id' | 'issuerId' | 'subject'>;

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
      `INSERT INTO access_token (grant_id, resource, scopes, sealed, sha256, token_type, issued_at, expires_at, granted_scopes)
       VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7), to_timestamp($8), $9)
       ON CONFLICT (grant_id, resource, scopes) DO UPDATE SET
         sealed = excluded.sealed, sha256 = excluded.sha256, token_type = excluded.token_type,
         issued_at = excluded.issued_at, expires_at = excluded.expires_at,
         granted_scopes = excluded.granted_scopes`,
      [
        grant.id,
        target.resource,
        target.scopes,
        this.sealer.seal(accessTokenPlace(grant, target), tokens.accessToken),
        createHash('sha256').update(tokens.accessToken.reveal()).digest(),
        tokens.tokenType,
        tokens.issuedAt,
        tokens.expiresAt ?? null,
        tokens.scopes,
      ],
    );
  }

  /**
   * The grant is due when the first of its tokens is; never without a refresh token or a lifetime. A token that is
   * due and was not handed out since it was issued waits until somebody asks, unless none was used later; one that
   * nobody asked for in a week after its end is forgotten. A server that forgets unused refresh tokens is asked
   * before that.
   */
  async schedule(
    query: Query,
    { id, issuerId, subject }: GrantName,
    rules: RefreshRules,
  ): Promise<void> {
    await query(
      `WITH forgotten AS (
         DELETE FROM access_token
          WHERE grant_id = $1 AND expires_at < now() - interval '7 days' AND used_at < expires_at)
       UPDATE user_grant g SET refresh_after = CASE WHEN g.refresh_token IS NOT NULL THEN
         (SELECT least(min(a.due) FILTER (WHERE a.wanted OR a.due > now()),
                       max(a.issued_at) + make_interval(secs => $5::float8 * $2)) FROM (
            SELECT t.issued_at, t.used_at >= t.issued_at OR t.used_at = max(t.used_at) OVER () AS wanted,
                   CASE WHEN t.expires_at IS NOT NULL THEN greatest(
                     least(t.issued_at + (t.expires_at - t.issued_at) * $2::float8,
                           t.expires_at - make_interval(secs => $6)),
                     t.issued_at + make_interval(secs => $7)) END AS due
              FROM access_token t WHERE t.grant_id = g.id) a) END
       WHERE g.id = $1 AND g.issuer_id = $3 AND g.subject = $4 AND g.status IN ('active','refreshing')`,
      [
        id,
        refreshShare(Math.random()),
        issuerId,
        subject,
        rules.idleSeconds ?? null,
        rules.marginSeconds ?? null,
        rules.earliestSeconds ?? null,
      ],
    );
  }
}
