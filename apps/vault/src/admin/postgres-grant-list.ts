import type { PostgresDatabase } from '../database/postgres-database.js';

/** What an administrator sees of a grant: by slug what it joins, why it is as it is, and never a token. */
export interface GrantEntry {
  readonly id: string;
  readonly issuer: string;
  readonly subject: string;
  readonly oauthClient: string;
  /** Null where the oauth client shares its grants between upstreams. */
  readonly upstream: string | null;
  readonly status: string;
  readonly reason: string | null;
  readonly since: Date;
  readonly version: number;
  readonly account: { readonly subject: string; readonly name: string | null } | null;
  readonly requestedScopes: readonly string[];
  readonly grantedScopes: readonly string[];
  /** Client ids that may use it now. */
  readonly applications: readonly string[];
  readonly refreshable: boolean;
  readonly refreshFailures: number;
  readonly refreshAfter: Date | null;
  readonly accessTokenExpiresAt: Date | null;
  readonly rejectedAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly createdAt: Date;
}

export interface GrantFilters {
  readonly issuer?: string;
  readonly subject?: string;
  readonly oauthClient?: string;
  readonly upstream?: string;
  readonly application?: string;
  readonly status?: string;
}

export class PostgresGrantList {
  constructor(private readonly database: PostgresDatabase) {}

  /** Ordered by id, after the grant `after`. */
  list(filters: GrantFilters, page: { after: string; limit: number }): Promise<GrantEntry[]> {
    const { issuer, subject, oauthClient, upstream, application, status } = filters;
    return this.database.query<GrantEntry>(
      `${entries}
        WHERE ($1::text IS NULL OR i.slug = $1) AND ($2::text IS NULL OR g.subject = $2)
          AND ($3::text IS NULL OR o.slug = $3)
          AND ($4::text IS NULL OR u.slug = $4 OR (u.id IS NULL AND EXISTS (
                SELECT FROM registry_resource s WHERE s.collection = 'upstreams' AND s.slug = $4
                   AND s.document->'credential'->>'oauthClient' = o.slug)))
          AND ($5::text IS NULL OR $5 = ANY (a.applications)) AND ($6::text IS NULL OR g.status = $6)
          AND ($7 = '' OR g.id > nullif($7, '')::uuid)
        ORDER BY g.id LIMIT $8`,
      [
        issuer ?? null,
        subject ?? null,
        oauthClient ?? null,
        upstream ?? null,
        application ?? null,
        status ?? null,
        page.after,
        page.limit,
      ],
    );
  }

  async byId(id: string): Promise<GrantEntry | undefined> {
    const [entry] = await this.database.query<GrantEntry>(`${entries} WHERE g.id = $1`, [id]);
    return entry;
  }
}

const entries = `
  SELECT g.id, i.slug AS issuer, g.subject, o.slug AS "oauthClient", u.slug AS upstream,
         g.status, g.status_reason AS reason, g.status_since AS since, g.version::float8 AS version,
         CASE WHEN g.upstream_subject IS NOT NULL THEN
           jsonb_build_object('subject', g.upstream_subject, 'name', g.upstream_account) END AS account,
         g.requested_scopes AS "requestedScopes", g.granted_scopes AS "grantedScopes", a.applications,
         g.refresh_token IS NOT NULL AS refreshable, g.refresh_failures AS "refreshFailures",
         g.refresh_after AS "refreshAfter",
         (SELECT max(t.expires_at) FROM access_token t WHERE t.grant_id = g.id) AS "accessTokenExpiresAt",
         g.rejected_at AS "rejectedAt", g.last_used_at AS "lastUsedAt", g.created_at AS "createdAt"
    FROM user_grant g
    JOIN registry_resource i ON i.id = g.issuer_id
    JOIN registry_resource o ON o.id = g.oauth_client_id
    LEFT JOIN registry_resource u ON u.id::text = g.partition
   CROSS JOIN LATERAL (
     SELECT ARRAY(SELECT DISTINCT c.application FROM client_consent c
                   WHERE c.issuer_id = g.issuer_id AND c.subject = g.subject AND c.expires_at > now()
                     AND CASE WHEN g.partition <> '' THEN c.upstream_id = u.id ELSE EXISTS (
                           SELECT FROM registry_resource s WHERE s.id = c.upstream_id
                              AND s.document->'credential'->>'oauthClient' = o.slug) END
                   ORDER BY 1) AS applications) a`;
