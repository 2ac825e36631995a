import type { PostgresDatabase } from '../database/postgres-database.js';
import type { GrantHolder } from '../grants/grant-holder.js';

/** What a person has granted for an upstream, as it stands. Never a token. */
export interface HeldByPerson {
  readonly grant: {
    readonly id: string;
    readonly status: string;
    readonly grantedScopes: readonly string[];
  } | null;
  /** Of this application, for all gateways. */
  readonly consent: { readonly scopes: readonly string[]; readonly expiresAt: Date } | null;
}

export interface PersonAt {
  readonly issuerId: string;
  readonly subject: string;
  readonly application: string;
  readonly upstreamId: string;
}

/** Whether there is a grant and a consent; without their secrets. */
export class PostgresHeldByPerson {
  constructor(private readonly database: PostgresDatabase) {}

  async find(at: PersonAt, { id, partition }: GrantHolder): Promise<HeldByPerson> {
    const { issuerId, subject, application, upstreamId } = at;
    const [grant] = await this.database.query<NonNullable<HeldByPerson['grant']> & Row>(
      `SELECT id, status, granted_scopes AS "grantedScopes" FROM user_grant
        WHERE issuer_id = $1 AND subject = $2 AND oauth_client_id = $3 AND partition = $4`,
      [issuerId, subject, id, partition],
    );
    const [consent] = await this.database.query<NonNullable<HeldByPerson['consent']> & Row>(
      `SELECT scopes, expires_at AS "expiresAt" FROM client_consent
        WHERE issuer_id = $1 AND subject = $2 AND application = $3 AND consumer = 'gateway'
          AND upstream_id = $4 AND expires_at > now()`,
      [issuerId, subject, application, upstreamId],
    );
    return { grant: grant ?? null, consent: consent ?? null };
  }
}

type Row = Record<string, unknown>;
