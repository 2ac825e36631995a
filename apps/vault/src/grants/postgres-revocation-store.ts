import { randomUUID } from 'node:crypto';
import type { Secret } from '#lib/secret/secret';
import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { SealedPlace, Sealer } from '../sealing/sealer.js';

/** A token that the provider is still to be told to end. */
export interface OwedRevocation {
  readonly id: string;
  /** Whoever has it may attempt until the lease runs out. */
  readonly leaseId: string;
  readonly grantId: string | null;
  readonly issuerId: string;
  readonly subject: string;
  readonly oauthClientId: string;
  readonly tokenKind: 'refresh_token' | 'access_token';
  readonly cause: 'grant' | 'unconfirmed-account';
  /** Finished attempts. */
  readonly attempts: number;
  /** When the token ends by itself, if that is known; and in how many seconds that is. */
  readonly validUntil: Date | null;
  readonly validFor: number | null;
}

export interface TokenToRevoke extends Pick<
  OwedRevocation,
  'grantId' | 'issuerId' | 'subject' | 'oauthClientId' | 'tokenKind' | 'cause'
> {
  readonly token: Secret;
  readonly validUntil: Date | undefined;
  /** Of the account that the token is for. */
  readonly upstreamSubject: string | undefined;
}

/** How it ended. `expired`: the token ended first · `superseded`: the same account was connected anew. */
export type RevocationEnd = 'revoked' | 'not-supported' | 'expired' | 'superseded' | 'failed';

// Longer than an attempt can last.
const leaseSeconds = 60;

const columns = `r.id, r.lease_id AS "leaseId", r.grant_id AS "grantId", r.issuer_id AS "issuerId", r.subject,
  r.oauth_client_id AS "oauthClientId", r.token_kind AS "tokenKind", r.cause, r.attempts,
  r.valid_until AS "validUntil", extract(epoch FROM r.valid_until - now())::float8 AS "validFor"`;

/** Tokens to be ended at their providers; each is sealed here until that is over. */
export class PostgresRevocationStore {
  constructor(
    private readonly database: PostgresDatabase,
    private readonly sealer: Sealer,
  ) {}

  /**
   * `leased` to the caller, who attempts it after the commit (if the caller dies another does), or `due` for whoever
   * looks next.
   */
  async add(
    tx: Transaction,
    owed: TokenToRevoke,
    to: 'leased' | 'due' = 'leased',
  ): Promise<OwedRevocation> {
    const id = randomUUID();
    const [row] = await queryOf(tx)<Row>(
      `INSERT INTO provider_revocation AS r
         (id, grant_id, issuer_id, subject, oauth_client_id, upstream_subject, token_kind, cause, sealed,
          valid_until, lease_id, next_attempt_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now() + make_interval(secs => $12))
       RETURNING ${columns}`,
      [
        id,
        owed.grantId,
        owed.issuerId,
        owed.subject,
        owed.oauthClientId,
        owed.upstreamSubject ?? null,
        owed.tokenKind,
        owed.cause,
        this.sealer.seal(placeOf({ ...owed, id }), owed.token),
        owed.validUntil ?? null,
        randomUUID(),
        to === 'leased' ? leaseSeconds : 0,
      ],
    );
    if (row === undefined) throw new Error('INSERT … RETURNING gave no row.');
    return row;
  }

  /** Takes due revocations off the list, at most so many per oauth client as `room` says. */
  claim(room: ReadonlyMap<string, number>): Promise<OwedRevocation[]> {
    return this.database.query<Row>(
      `WITH due AS (
         SELECT chosen.id
           FROM unnest($1::uuid[], $2::int[]) AS room (oauth_client_id, slots)
          CROSS JOIN LATERAL (
            SELECT o.id FROM provider_revocation o
             WHERE o.oauth_client_id = room.oauth_client_id AND o.state = 'pending' AND o.next_attempt_at <= now()
             ORDER BY o.next_attempt_at LIMIT room.slots
               FOR UPDATE SKIP LOCKED) AS chosen)
       UPDATE provider_revocation r
          SET lease_id = gen_random_uuid(), next_attempt_at = now() + make_interval(secs => $3)
         FROM due WHERE r.id = due.id
       RETURNING ${columns}`,
      [[...room.keys()], [...room.values()], leaseSeconds],
    );
  }

  /**
   * The token, unless somebody else has it now or the registration has moved. Where the person has connected the
   * same account again meanwhile, ending the old token could end the new one: there it must not be sent.
   */
  async open(owed: OwedRevocation): Promise<Secret | 'superseded' | undefined> {
    const [row] = await this.database.query<{ sealed: Buffer; superseded: boolean }>(
      `SELECT r.sealed, r.cause = 'grant' AND EXISTS (
                SELECT FROM user_grant g
                 WHERE g.id = r.grant_id AND g.issuer_id = r.issuer_id AND g.subject = r.subject
                   AND g.status IN ('active','refreshing')
                   AND coalesce(g.upstream_subject = r.upstream_subject, true)) AS superseded
         FROM provider_revocation r WHERE r.id = $1 AND r.lease_id = $2 AND r.state = 'pending'`,
      [owed.id, owed.leaseId],
    );
    if (row === undefined) return undefined;
    return row.superseded ? 'superseded' : this.sealer.open(placeOf(owed), row.sealed);
  }

  /** Forgets the token. False if the lease has run out. */
  async end(tx: Transaction, { id, leaseId }: OwedRevocation, end: RevocationEnd) {
    const rows = await queryOf(tx)(
      `UPDATE provider_revocation SET
         state = $3, sealed = NULL, attempts = attempts + 1, lease_id = NULL, next_attempt_at = NULL,
         last_attempt_at = now(), ended_at = now()
       WHERE id = $1 AND lease_id = $2 AND state = 'pending' RETURNING id`,
      [id, leaseId, end],
    );
    return rows.length > 0;
  }

  async postpone({ id, leaseId }: OwedRevocation, seconds: number): Promise<void> {
    await this.database.query(
      `UPDATE provider_revocation SET
         attempts = attempts + 1, lease_id = NULL, last_attempt_at = now(),
         next_attempt_at = now() + make_interval(secs => $3)
       WHERE id = $1 AND lease_id = $2 AND state = 'pending'`,
      [id, leaseId, seconds],
    );
  }

  /** What is still owed for a grant, the next attempt first. */
  async pendingOf(grantId: string): Promise<OwedRevocation[]> {
    return this.database.query<Row>(
      `SELECT ${columns} FROM provider_revocation r
        WHERE r.grant_id = $1 AND r.state = 'pending' ORDER BY r.next_attempt_at`,
      [grantId],
    );
  }

  /** Answers are kept for a month; without an oauth client nothing can be asked. */
  async prune(): Promise<void> {
    await this.database.query(
      `UPDATE provider_revocation r
          SET state = 'failed', sealed = NULL, lease_id = NULL, next_attempt_at = NULL, ended_at = now()
        WHERE r.state = 'pending' AND NOT EXISTS (SELECT FROM registry_resource o WHERE o.id = r.oauth_client_id)`,
    );
    await this.database.query(
      `DELETE FROM provider_revocation WHERE state <> 'pending' AND ended_at <= now() - interval '30 days'`,
    );
  }
}

type Row = OwedRevocation & Record<string, unknown>;

function placeOf({
  id,
  issuerId,
  subject,
  oauthClientId,
}: Pick<OwedRevocation, 'id' | 'issuerId' | 'subject' | 'oauthClientId'>): SealedPlace {
  return {
    table: 'provider_revocation',
    column: 'sealed',
    rowId: id,
    issuer: issuerId,
    subject,
    oauthClient: oauthClientId,
  };
}
