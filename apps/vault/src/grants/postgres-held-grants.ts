import { SealBroken } from '#lib/sealing/message';
import type { Secret } from '#lib/secret/secret';
import { BatchedRead } from '../database/batched-read.js';
import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { Sealer } from '../sealing/sealer.js';
import type { GrantKey } from './grants.js';
import {
  grantColumns,
  type GrantRow,
  storedGrant,
  type StoredGrant,
} from './postgres-grant-row.js';
import { accessTokenPlace, dpopKeyPlace } from './sealed-places.js';
import type { TokenTarget } from './token-target.js';

/** An access token as stored; `open` rejects with SealBroken. Times are epoch seconds. */
export interface StoredToken {
  readonly sha256: Buffer;
  readonly tokenType: string;
  readonly issuedAt: number;
  readonly expiresAt: number | undefined;
  /** As the server named them; empty where it named none. */
  readonly grantedScopes: readonly string[];
  readonly target: TokenTarget;
  open(): Promise<Secret>;
  /** What the token is bound to (RFC 9449); undefined for a bearer token. Rejects as `open` does, also where there is no key. */
  openKey(): Promise<Secret | undefined>;
}

export interface HeldGrant {
  readonly grant: StoredGrant;
  /** Those for one resource, one for each scope set. */
  readonly tokens: readonly StoredToken[];
}

/** One token of a grant was handed out. */
export interface GrantUse {
  readonly grant: StoredGrant;
  readonly target: TokenTarget;
  /** Epoch seconds. */
  readonly issuedAt: number;
}

interface Holding {
  readonly key: GrantKey;
  readonly resource: string;
}

interface TokenRow {
  readonly scopes: string;
  readonly tokenGrantedScopes: string[];
  readonly sealed: Buffer | null;
  readonly sha256: Buffer;
  readonly tokenType: string;
  readonly issuedAt: number;
  readonly expiresAt: number | null;
  readonly dpopKey: Buffer | null;
}

/** What each exchange reads of grants and notes on them; all else about grants is PostgresGrantStore. */
export class PostgresHeldGrants {
  readonly #holding = new BatchedRead((wanted: readonly Holding[]) => this.#holdAll(wanted));

  constructor(
    private readonly database: PostgresDatabase,
    private readonly sealer: Sealer,
  ) {}

  /** The grant with its access tokens for a resource, nearly always one: the one read of the exchange. */
  hold(key: GrantKey, resource: string): Promise<HeldGrant | undefined> {
    return this.#holding.get({ key, resource });
  }

  async #holdAll(wanted: readonly Holding[]): Promise<(HeldGrant | undefined)[]> {
    const rows = await this.database.query<GrantRow & TokenRow & { nth: number }>(
      `SELECT w.nth::int AS nth, ${grantColumns}, a.sealed, a.sha256, a.token_type AS "tokenType",
              g.dpop_key AS "dpopKey", a.scopes, a.granted_scopes AS "tokenGrantedScopes",
              extract(epoch FROM a.issued_at)::float8 AS "issuedAt",
              extract(epoch FROM a.expires_at)::float8 AS "expiresAt"
         FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[]) WITH ORDINALITY
              AS w (issuer_id, subject, oauth_client_id, partition, resource, nth)
         JOIN user_grant g ON g.issuer_id = w.issuer_id AND g.subject = w.subject
              AND g.oauth_client_id = w.oauth_client_id AND g.partition = w.partition
         LEFT JOIN access_token a ON a.grant_id = g.id AND a.resource = w.resource`,
      [
        wanted.map(({ key }) => key.issuerId),
        wanted.map(({ key }) => key.subject),
        wanted.map(({ key }) => key.oauthClientId),
        wanted.map(({ key }) => key.partition),
        wanted.map(({ resource }) => resource),
      ],
      'hold-grants',
    );
    const found: (typeof rows)[] = wanted.map(() => []);
    for (const row of rows) found[row.nth - 1]?.push(row);
    return wanted.map(({ resource }, i) => {
      const own = found[i] ?? [];
      const tokens = own.flatMap((each) => this.#tokenOf(each, resource) ?? []);
      return own[0] && { grant: storedGrant(own[0]), tokens };
    });
  }

  /** "Last used" is for people: to the minute, so that busy grants are not written at each exchange. */
  async touchAll(tx: Transaction, uses: readonly GrantUse[]): Promise<void> {
    await queryOf(tx)(
      `WITH use AS (
         SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[])
           AS u (grant_id, issuer_id, subject, resource, scopes)),
       used AS (
         -- Once in each token's life: what was never handed out is not refreshed ahead of need.
         UPDATE access_token a SET used_at = now() FROM use u
          WHERE a.grant_id = u.grant_id AND a.resource = u.resource AND a.scopes = u.scopes
            AND a.used_at < a.issued_at)
       UPDATE user_grant g SET last_used_at = now()
         FROM (SELECT DISTINCT grant_id, issuer_id, subject FROM use) u
        WHERE g.id = u.grant_id AND g.issuer_id = u.issuer_id AND g.subject = u.subject
          AND (g.last_used_at IS NULL OR g.last_used_at < now() - interval '1 minute')`,
      [
        uses.map(({ grant }) => grant.id),
        uses.map(({ grant }) => grant.issuerId),
        uses.map(({ grant }) => grant.subject),
        uses.map(({ target }) => target.resource),
        uses.map(({ target }) => target.scopes),
      ],
    );
  }

  /**
   * Notes that the upstream refuses even a fresh token. True once an hour: then the person may be asked.
   */
  async noteRejected(tx: Transaction, id: string): Promise<boolean> {
    const rows = await queryOf(tx)(
      `UPDATE user_grant SET rejected_at = now(), updated_at = now()
        WHERE id = $1 AND status IN ('active','refreshing')
          AND (rejected_at IS NULL OR rejected_at < now() - interval '1 hour')
        RETURNING id`,
      [id],
    );
    return rows.length > 0;
  }

  #tokenOf(row: GrantRow & TokenRow, resource: string): StoredToken | undefined {
    const { sealed, scopes } = row;
    if (sealed === null) return undefined;
    const target = { resource, scopes };
    return {
      target,
      grantedScopes: row.tokenGrantedScopes,
      sha256: row.sha256,
      tokenType: row.tokenType,
      issuedAt: row.issuedAt,
      expiresAt: row.expiresAt ?? undefined,
      open: () => this.sealer.open(accessTokenPlace(row, target), sealed),
      openKey: () => this.#openKey(row),
    };
  }

  async #openKey(row: GrantRow & TokenRow): Promise<Secret | undefined> {
    if (row.tokenType !== 'DPoP') return undefined;
    if (row.dpopKey === null) throw new SealBroken('the key of a bound token is missing');
    return this.sealer.open(dpopKeyPlace(row), row.dpopKey);
  }
}
