import type { Secret } from '#lib/secret/secret';
import type { AuditRecord } from '../audit/audit-log.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';

/** What an authorization server made of us (RFC 7591 §3.2.1). Times are epoch seconds. */
export interface Registration {
  /** It stands for one server: at another one we are nobody. */
  readonly authorizationServer: string;
  readonly clientId: string;
  readonly clientAuth: OAuthClient['clientAuth'];
  readonly clientSecret: Secret | undefined;
  readonly clientSecretExpiresAt: number | undefined;
  /** RFC 7592, where the server has it. */
  readonly registrationAccessToken: Secret | undefined;
  readonly registrationClientUri: string | undefined;
}

export interface StoredRegistration extends Registration {
  /** Grows with each registration of this oauth client. */
  readonly version: number;
}

export interface Registrations {
  of(oauthClientId: string): Promise<StoredRegistration | undefined>;
  /** Undefined when somebody has registered since `before` was read: theirs counts. */
  replace(
    oauthClientId: string,
    before: StoredRegistration | undefined,
    registration: Registration,
    /** Stands in the same transaction. */
    record?: AuditRecord,
  ): Promise<StoredRegistration | undefined>;
}
