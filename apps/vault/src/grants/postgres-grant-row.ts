import type { GrantView } from './grants.js';

/** The columns of `grantRow`; times as epoch seconds of the database. */
export const grantColumns = `
  g.id, g.issuer_id AS "issuerId", g.subject, g.oauth_client_id AS "oauthClientId", g.partition,
  g.status, g.status_reason AS "statusReason", g.status_since AS "statusSince",
  g.version::float8 AS version, g.token_version::float8 AS "tokenVersion",
  g.upstream_subject AS "upstreamSubject", g.upstream_account AS "upstreamAccount",
  g.metadata, g.requested_scopes AS "requestedScopes", g.granted_scopes AS "grantedScopes",
  g.refresh_token IS NOT NULL AS "hasRefreshToken",
  extract(epoch FROM g.refresh_paused_until)::float8 AS "refreshPausedUntil",
  g.refresh_failures AS "refreshFailures",
  extract(epoch FROM g.refresh_started_at)::float8 AS "refreshStartedAt",
  g.created_at AS "createdAt", g.last_used_at AS "lastUsedAt", g.rejected_at AS "rejectedAt",
  (SELECT max(t.expires_at) FROM access_token t WHERE t.grant_id = g.id) AS "accessTokenExpiresAt",
  CASE WHEN g.status = 'needs_consent' THEN g.status_since
       WHEN g.failing_since IS NOT NULL THEN
         (SELECT greatest(g.failing_since, max(t.expires_at)) FROM access_token t
           WHERE t.grant_id = g.id HAVING max(t.expires_at) <= now()) END AS "brokenSince"`;

export interface GrantRow {
  readonly id: string;
  readonly issuerId: string;
  readonly subject: string;
  readonly oauthClientId: string;
  readonly partition: string;
  readonly status: GrantView['status'];
  readonly statusReason: string | null;
  readonly statusSince: Date;
  readonly version: number;
  readonly tokenVersion: number;
  readonly upstreamSubject: string | null;
  readonly upstreamAccount: string | null;
  readonly metadata: Record<string, string>;
  readonly requestedScopes: string[];
  readonly grantedScopes: string[];
  readonly hasRefreshToken: boolean;
  readonly refreshPausedUntil: number | null;
  readonly refreshFailures: number;
  readonly refreshStartedAt: number | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly rejectedAt: Date | null;
  readonly accessTokenExpiresAt: Date | null;
  readonly brokenSince: Date | null;
}

/** A grant as this feature sees it: the view, and what refreshing needs. */
export interface StoredGrant extends GrantView {
  /** What the provider told once: instance, tenant, realm. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Counts every change of the token columns; what compare-and-set compares. */
  readonly tokenVersion: number;
  /** Epoch seconds: no attempt before, because the last one failed. */
  readonly refreshPausedUntil: number | undefined;
  readonly refreshFailures: number;
  /** Epoch seconds at which an attempt began that nobody has finished. */
  readonly unfinishedSince: number | undefined;
  /** Since when nobody is served by it: a person is needed, or refreshing fails and its last token has ended. */
  readonly brokenSince: Date | undefined;
}

export function storedGrant(row: GrantRow): StoredGrant {
  const { upstreamSubject, upstreamAccount, refreshStartedAt, ...rest } = row;
  return {
    ...rest,
    statusReason: row.statusReason ?? undefined,
    account:
      upstreamSubject === null
        ? undefined
        : { subject: upstreamSubject, name: upstreamAccount ?? undefined },
    refreshPausedUntil: row.refreshPausedUntil ?? undefined,
    unfinishedSince: row.status === 'refreshing' ? (refreshStartedAt ?? undefined) : undefined,
    lastUsedAt: row.lastUsedAt ?? undefined,
    rejectedAt: row.rejectedAt ?? undefined,
    accessTokenExpiresAt: row.accessTokenExpiresAt ?? undefined,
    brokenSince: row.brokenSince ?? undefined,
  };
}
