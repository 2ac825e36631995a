import type { AuditActor } from '../audit/audit-log.js';
import type { Person } from '../bars/person-left.js';

/** Who may lift the bar: an administrator always; the identity provider where only it set the bar. */
export type LeaverSource = 'admin' | 'scim';

export interface LeaverOrder extends Person {
  /** Slug of the issuer. */
  readonly issuer: string;
  readonly source: LeaverSource;
  readonly reason: string | undefined;
  readonly by: AuditActor;
  readonly requestId: string;
}

/** A person who was ordered to be ended, as stored. */
export interface Leaver extends Person {
  readonly id: string;
  /** Grows with each: the order of lists. */
  readonly number: string;
  readonly issuer: string;
  readonly source: LeaverSource;
  readonly reason: string | null;
  readonly orderedBy: AuditActor;
  readonly orderedAt: Date;
  readonly requestId: string;
  readonly sessions: number;
  readonly interactions: number;
  readonly consents: number;
  /** When everything here was over. */
  readonly endedAt: Date | null;
  /** When the last provider had answered, or was given up. */
  readonly settledAt: Date | null;
  /** The receipt as it was settled. */
  readonly receipt: Readonly<Record<string, unknown>> | null;
  readonly auditAfter: string;
  readonly auditUntil: string | null;
  readonly liftedAt: Date | null;
  readonly liftedBy: AuditActor | null;
}

/** A grant that was ended with the person, as it was then. */
export interface EndedConnection {
  readonly grantId: string;
  readonly oauthClient: string | null;
  /** Null where upstreams share the grant. */
  readonly upstream: string | null;
  readonly upstreamSubject: string | null;
  readonly upstreamAccount: string | null;
  readonly scopes: readonly string[];
  readonly statusBefore: string;
  readonly connectedAt: Date;
  readonly lastUsedAt: Date | null;
  readonly endedAt: Date;
  /** Until when access tokens that were lent may be good. */
  readonly accessTokenUntil: Date | null;
  /** Tokens that the provider is to end. */
  readonly owed: number;
  /** A stored token did not open. */
  readonly unreadable: boolean;
  /** The person had brought the token: nobody can be told to end it. */
  readonly leftAlone: boolean;
}

/** What became of one token at its provider. */
export interface TokenRevocation {
  /** Null where it belonged to no connection: an account that nobody had confirmed. */
  readonly grantId: string | null;
  readonly oauthClient: string | null;
  readonly token: 'refresh_token' | 'access_token';
  readonly state: 'pending' | 'revoked' | 'not-supported' | 'expired' | 'superseded' | 'failed';
  readonly attempts: number;
  readonly createdAt: Date;
  readonly lastAttemptAt: Date | null;
  readonly nextAttemptAt: Date | null;
  readonly endedAt: Date | null;
  /** When the token ends by itself; null where nobody said. */
  readonly validUntil: Date | null;
}
