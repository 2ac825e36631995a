import type { QueryResultRow } from 'pg';
import type { PostgresDatabase } from '../database/postgres-database.js';
import {
  type GrantFacts,
  grantProblem,
  type GrantProblem,
  type RefreshFacts,
} from '../grants/domain/grant-problem.js';
import { requiredScopes } from '../grants/domain/required-scopes.js';
import type { Registry, RegistrySnapshot } from '../registry/registry-snapshot.js';

/** What an administrator sees of a grant: by slug what it joins, why it is as it is, and never a token. */
export interface GrantEntry {
  readonly id: string;
  readonly issuer: string;
  readonly subject: string;
  /** Null where the person, or a page of the company's own, brought the token. */
  readonly oauthClient: string | null;
  /** Null where the oauth client shares its grants between upstreams. */
  readonly upstream: string | null;
  readonly status: 'active' | 'refreshing' | 'needs_consent' | 'revoked';
  readonly reason: string | null;
  readonly since: Date;
  readonly version: number;
  readonly account: { readonly subject: string; readonly name: string | null } | null;
  /** What its provider tells once: instance, tenant, realm. */
  readonly metadata: Readonly<Record<string, string>>;
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
  /** Why it does not serve; null where it does. */
  readonly problem: GrantProblem | null;
  /** What its end has come to at the provider; null unless its tokens were to be revoked. */
  readonly revocation: RevocationEntry | null;
}

interface RevocationEntry {
  readonly state: string;
  readonly attempts: number;
  readonly nextAttemptAt: string | null;
  readonly endedAt: string | null;
}

export interface GrantFilters {
  readonly issuer?: string;
  readonly subject?: string;
  readonly oauthClient?: string;
  readonly upstream?: string;
  readonly application?: string;
  readonly status?: string;
  readonly broken?: boolean;
}

interface Attempts extends Pick<RefreshFacts, 'failures' | 'error'> {
  readonly since: string | null;
  readonly lastAttemptAt: string | null;
  readonly nextAttemptAt: string | null;
}

interface Row
  extends Omit<GrantEntry, 'problem'>, Pick<GrantFacts, 'ended' | 'missingScopes'>, QueryResultRow {
  readonly refresh: Attempts;
  readonly provider: Attempts | null;
}

/** Grants as administrators list them. */
export class PostgresGrantList {
  constructor(
    private readonly database: PostgresDatabase,
    private readonly registry: Registry,
  ) {}

  /** Ordered by id, after the grant `after`. */
  async list(filters: GrantFilters, page: { after: string; limit: number }): Promise<GrantEntry[]> {
    const { issuer, subject, oauthClient, upstream, application, status, broken } = filters;
    const rows = await this.database.query<Row>(
      `${entries}
        WHERE ($2::text IS NULL OR i.slug = $2) AND ($3::text IS NULL OR g.subject = $3)
          AND ($4::text IS NULL OR (o.slug = $4 AND o.collection = 'oauth-clients'))
          AND ($5::text IS NULL OR u.slug = $5 OR (u.id IS NULL AND EXISTS (
                SELECT FROM registry_resource s WHERE s.collection = 'upstreams' AND s.slug = $5
                   AND s.document->'credential'->>'oauthClient' = o.slug)))
          AND ($6::text IS NULL OR $6 = ANY (a.applications)) AND ($7::text IS NULL OR g.status = $7)
          AND ($8::boolean IS NULL OR ${isBroken} = $8)
          AND ($9 = '' OR g.id > nullif($9, '')::uuid)
        ORDER BY g.id LIMIT $10`,
      [
        needed(this.registry.current()),
        issuer ?? null,
        subject ?? null,
        oauthClient ?? null,
        upstream ?? null,
        application ?? null,
        status ?? null,
        broken ?? null,
        page.after,
        page.limit,
      ],
    );
    return rows.map(entryOf);
  }

  async byId(id: string): Promise<GrantEntry | undefined> {
    const values = [needed(this.registry.current()), id];
    const rows = await this.database.query<Row>(`${entries} WHERE g.id = $2`, values);
    return rows.map(entryOf)[0];
  }
}

/** Which scopes calls of each upstream need, as JSON: templates and defaults are known to the registry only. */
function needed(registry: RegistrySnapshot): string {
  const list = registry.upstreams.flatMap(({ id: upstream_id, document: { credential } }) => {
    if (credential.type !== 'oauth') return [];
    const client = registry.oauthClient(credential.oauthClient);
    if (client === undefined) return [];
    const partition = client.document.sharing === 'shared' ? '' : upstream_id;
    const scopes = requiredScopes(credential, client.document);
    return [{ oauth_client_id: client.id, partition, upstream_id, scopes }];
  });
  return JSON.stringify(list);
}

function entryOf({ refresh, provider, ended, missingScopes, ...entry }: Row): GrantEntry {
  const facts = { ...entry, ended, missingScopes };
  const problem = grantProblem({
    ...facts,
    refresh: factsOf(refresh),
    provider: provider && factsOf(provider),
  });
  return { ...entry, problem };
}

function factsOf({ since, lastAttemptAt, nextAttemptAt, ...attempts }: Attempts): RefreshFacts {
  const [begun, last, next] = [since, lastAttemptAt, nextAttemptAt].map((at) => at && new Date(at));
  return {
    ...attempts,
    since: begun || null,
    lastAttemptAt: last || null,
    nextAttemptAt: next || null,
  };
}

const entries = `
  WITH required AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb)
        AS q (oauth_client_id uuid, partition text, upstream_id uuid, scopes text[])),
  needed AS MATERIALIZED (
    SELECT oauth_client_id, partition, array_agg(DISTINCT scope) AS scopes
      FROM required, unnest(scopes) AS scope GROUP BY oauth_client_id, partition)
  SELECT g.id, i.slug AS issuer, g.subject, u.slug AS upstream,
         CASE WHEN o.collection = 'oauth-clients' THEN o.slug END AS "oauthClient",
         g.status, g.status_reason AS reason, g.status_since AS since, g.version::float8 AS version,
         CASE WHEN g.upstream_subject IS NOT NULL THEN
           jsonb_build_object('subject', g.upstream_subject, 'name', g.upstream_account) END AS account,
         g.metadata, g.requested_scopes AS "requestedScopes", g.granted_scopes AS "grantedScopes", a.applications,
         g.refresh_token IS NOT NULL AS refreshable, g.refresh_failures AS "refreshFailures",
         g.refresh_after AS "refreshAfter",
         (SELECT max(t.expires_at) FROM access_token t WHERE t.grant_id = g.id) AS "accessTokenExpiresAt",
         g.rejected_at AS "rejectedAt", g.last_used_at AS "lastUsedAt", g.created_at AS "createdAt",
         e.ended, m.missing AS "missingScopes",
         jsonb_build_object('failures', g.refresh_failures, 'error', g.refresh_error, 'since', g.failing_since,
           'lastAttemptAt', g.last_attempt_at,
           'nextAttemptAt', coalesce(g.refresh_paused_until, g.refresh_after)) AS refresh,
         CASE WHEN p.failures > 0 THEN
           jsonb_build_object('failures', p.failures, 'error', p.error, 'since', p.failing_since,
             'lastAttemptAt', g.last_attempt_at, 'nextAttemptAt', p.paused_until) END AS provider,
         (SELECT jsonb_build_object('state', r.state, 'attempts', r.attempts,
                   'nextAttemptAt', r.next_attempt_at, 'endedAt', r.ended_at)
            FROM provider_revocation r WHERE r.grant_id = g.id AND g.status = 'revoked'
           ORDER BY r.created_at DESC LIMIT 1) AS revocation
    FROM user_grant g
    JOIN registry_resource i ON i.id = g.issuer_id
    JOIN registry_resource o ON o.id = g.oauth_client_id
    LEFT JOIN registry_resource u ON u.id::text = g.partition
    LEFT JOIN needed n ON n.oauth_client_id = g.oauth_client_id AND n.partition = g.partition
    LEFT JOIN provider_circuit p ON p.oauth_client_id = g.oauth_client_id
   CROSS JOIN LATERAL (
     SELECT ARRAY(SELECT DISTINCT c.application FROM client_consent c
                   WHERE c.issuer_id = g.issuer_id AND c.subject = g.subject AND c.expires_at > now()
                     AND CASE WHEN g.partition <> '' THEN c.upstream_id = u.id ELSE EXISTS (
                           SELECT FROM registry_resource s WHERE s.id = c.upstream_id
                              AND s.document->'credential'->>'oauthClient' = o.slug) END
                   ORDER BY 1) AS applications) a
   CROSS JOIN LATERAL (
     SELECT NOT EXISTS (SELECT FROM access_token t
                         WHERE t.grant_id = g.id AND (t.expires_at IS NULL OR t.expires_at > now())) AS ended) e
   CROSS JOIN LATERAL (
     -- A shared grant need only do for the upstreams that its person uses.
     SELECT ARRAY(SELECT DISTINCT scope FROM required q, unnest(q.scopes) AS scope
                   WHERE q.oauth_client_id = g.oauth_client_id AND q.partition = g.partition
                     AND scope <> ALL (g.requested_scopes)
                     AND (g.partition <> '' OR EXISTS (
                           SELECT FROM client_consent c
                            WHERE c.issuer_id = g.issuer_id AND c.subject = g.subject
                              AND c.upstream_id = q.upstream_id AND c.expires_at > now()))
                   ORDER BY 1) AS missing) m`;

// As grantProblem decides, cheapest first.
const isBroken = `(g.status = 'needs_consent' OR (g.status IN ('active','refreshing') AND (
    g.refresh_failures > 0 OR g.rejected_at IS NOT NULL
    OR ((coalesce(p.failures, 0) > 0 OR g.refresh_token IS NULL) AND e.ended)
    OR ((n.scopes <@ g.requested_scopes) IS FALSE AND cardinality(m.missing) > 0))))`;
