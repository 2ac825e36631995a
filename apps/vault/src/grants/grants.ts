import type { Transaction } from '../database/database.js';
import type { TokenSet, UpstreamAccount } from '../providers/token-set.js';

/** One person's grant is keyed by these; `partition` is the upstream's row id, or '' where shared. */
export interface GrantKey {
  readonly issuerId: string;
  readonly subject: string;
  readonly oauthClientId: string;
  readonly partition: string;
}

export interface GrantView extends GrantKey {
  readonly id: string;
  readonly status: 'active' | 'refreshing' | 'needs_consent' | 'revoked';
  readonly statusReason: string | undefined;
  readonly statusSince: Date;
  readonly version: number;
  readonly account: UpstreamAccount | undefined;
  readonly requestedScopes: readonly string[];
  readonly grantedScopes: readonly string[];
  readonly createdAt: Date;
  readonly lastUsedAt: Date | undefined;
  readonly rejectedAt: Date | undefined;
  readonly accessTokenExpiresAt: Date | undefined;
  readonly hasRefreshToken: boolean;
}

/** What disconnecting achieved at the provider (RFC 7009). */
export interface RevocationReport {
  readonly grantId: string;
  readonly atProvider: 'revoked' | 'not-supported' | 'failed' | 'nothing-to-revoke';
  /** Public sentence for pages and the admin answer. */
  readonly detail: string;
  /** The provider did not confirm, and is asked again in the background. */
  readonly retrying: boolean;
  /** What may still be valid somewhere. */
  readonly remaining: readonly RemainingToken[];
}

export interface RemainingToken {
  readonly token: 'refresh_token' | 'access_token';
  /** Null where nobody said. */
  readonly validUntil: Date | null;
  readonly detail: string;
}

/** What was asked for when the tokens were had. */
export interface GrantRequest {
  readonly scopes: readonly string[];
  readonly resource: string | undefined;
  /** Who imports them; else the person consented. */
  readonly importedBy?: import('../audit/audit-log.js').AuditActor;
}

/** Grants as the browser side and the admin side use them. */
export interface Grants {
  find(key: GrantKey): Promise<GrantView | undefined>;
  byId(id: string): Promise<GrantView | undefined>;
  listOf(person: { issuerId: string; subject: string }): Promise<readonly GrantView[]>;
  /** Stores (or replaces) the grant with fresh tokens, within the consent's transaction; publishes its event. Throws PersonLeft. */
  store(
    tx: Transaction,
    key: GrantKey,
    tokens: TokenSet,
    account: UpstreamAccount | undefined,
    requested: GrantRequest,
  ): Promise<GrantView>;
  /** Ends the grant here first, then at the provider; idempotent. */
  revoke(
    id: string,
    by: import('../audit/audit-log.js').AuditActor,
    reason: string,
  ): Promise<RevocationReport | undefined>;
  /** Suspends the grants of an oauth client or upstream whose endpoint changed. */
  suspend(
    tx: Transaction,
    where: { oauthClientId: string; moved?: true } | { upstreamId: string },
    reason: string,
  ): Promise<number>;
}
