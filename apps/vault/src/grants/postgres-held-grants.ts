import { SealBroken } from '#lib/sealing/message';
import type { Secret } from '#lib/secret/secret';
import type { AuditRecord } from '../audit/audit-log.js';
import { rowOf } from '../audit/postgres-audit-log.js';
import { BatchedRead } from '../database/batched-read.js';
import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { Sealer } from '../sealing/sealer.js';
import type { ConsentKey } from './consent-store.js';
import type { GrantKey } from './grants.js';
import type { StoredGrant } from './postgres-grant-row.js';
import { holding, holdingAndRecording } from './postgres-holding-sql.js';
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

/** What an exchange looks at; nothing that only people see. */
export type WorkingGrant = Pick<
  StoredGrant,
  | 'id'
  | 'issuerId'
  | 'subject'
  | 'oauthClientId'
  | 'partition'
  | 'status'
  | 'version'
  | 'tokenVersion'
  | 'metadata'
  | 'requestedScopes'
  | 'grantedScopes'
  | 'hasRefreshToken'
  | 'refreshPausedUntil'
>;

export interface HeldGrant {
  readonly grant: WorkingGrant;
  /** Those for one resource, one for each scope set. */
  readonly tokens: readonly StoredToken[];
}

/** What a person has agreed to for an application, and what there is to hand out. */
export interface Consented {
  /** The scopes of the unexpired consent, whether they are enough or not; undefined without one. */
  readonly scopes: readonly string[] | undefined;
  readonly held: HeldGrant | undefined;
  /** Names the versions of all of this in the database; undefined unless there is one of each. */
  readonly mark: string | undefined;
}

/** Recorded by the read itself if it finds the versions that `mark` names, and only then. */
export interface Foreseen {
  readonly mark: string;
  readonly record: AuditRecord;
}

/** One token of a grant was handed out. */
export interface GrantUse {
  readonly grant: Pick<StoredGrant, 'id' | 'issuerId' | 'subject'>;
  readonly target: TokenTarget;
  /** Epoch seconds. */
  readonly issuedAt: number;
}

type By = Pick<ConsentKey, 'application' | 'consumer' | 'upstreamId'>;

interface Holding {
  readonly key: GrantKey;
  readonly resource: string;
  /** By whom it is used, and for what; undefined: nobody asks whether they may. */
  readonly by: By | undefined;
  readonly foreseen: Foreseen | undefined;
}

type GrantRow = { readonly id: null } | (WorkingRow & TokenRow);

interface WorkingRow extends Omit<WorkingGrant, keyof GrantKey | 'refreshPausedUntil'> {
  readonly refreshPausedUntil: number | null;
}

type Row = GrantRow & {
  readonly nth: number;
  readonly consented: string[] | null;
  readonly mark: string | null;
};

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

  /** The grant with its access tokens for a resource, nearly always one. */
  async hold(key: GrantKey, resource: string): Promise<HeldGrant | undefined> {
    return (await this.#holding.get({ key, resource, by: undefined, foreseen: undefined }))?.held;
  }

  /** The one read of the exchange: the same, and what the person agreed to, as both were at one moment. */
  async holdConsented(
    key: GrantKey,
    resource: string,
    by: By,
    foreseen?: Foreseen,
  ): Promise<Consented> {
    return (await this.#holding.get({ key, resource, by, foreseen })) ?? nothing;
  }

  async #holdAll(wanted: readonly Holding[]): Promise<(Consented | undefined)[]> {
    const isRecording = wanted.some(({ foreseen }) => foreseen !== undefined);
    const rows = await this.database.query<Row>(
      isRecording ? holdingAndRecording : holding,
      [JSON.stringify(wanted.map(wantedRow))],
      isRecording ? 'hold-grants-and-record' : 'hold-grants',
    );
    const found: Row[][] = wanted.map(() => []);
    for (const row of rows) found[row.nth - 1]?.push(row);
    return wanted.map((holding, i) => this.#consentedIn(found[i] ?? [], holding));
  }

  #consentedIn(rows: readonly Row[], { key, resource }: Holding): Consented | undefined {
    const [first] = rows;
    if (first === undefined) return undefined;
    const scopes = first.consented ?? undefined;
    if (first.id === null) return { ...nothing, scopes };
    const grant = grantOf(key, first);
    const tokens = rows.flatMap((row) =>
      row.id === null ? [] : this.#tokensOf(row, grant, resource),
    );
    const mark = rows.length === 1 ? (first.mark ?? undefined) : undefined;
    return { scopes, held: { grant, tokens }, mark };
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

  #tokensOf(row: TokenRow, grant: WorkingGrant, resource: string): readonly StoredToken[] {
    const { sealed, scopes } = row;
    if (sealed === null) return [];
    const target = { resource, scopes };
    const token = {
      target,
      grantedScopes: row.tokenGrantedScopes,
      sha256: row.sha256,
      tokenType: row.tokenType,
      issuedAt: row.issuedAt,
      expiresAt: row.expiresAt ?? undefined,
      open: () => this.sealer.open(accessTokenPlace(grant, target), sealed),
      openKey: () => this.#openKey(row, grant),
    };
    return [token];
  }

  async #openKey(row: TokenRow, grant: WorkingGrant): Promise<Secret | undefined> {
    if (row.tokenType !== 'DPoP') return undefined;
    if (row.dpopKey === null) throw new SealBroken('the key of a bound token is missing');
    return this.sealer.open(dpopKeyPlace(grant), row.dpopKey);
  }
}

const nothing: Consented = { scopes: undefined, held: undefined, mark: undefined };

function wantedRow({ key, resource, by, foreseen }: Holding) {
  return {
    issuer_id: key.issuerId,
    subject: key.subject,
    oauth_client_id: key.oauthClientId,
    partition: key.partition,
    resource,
    application: by?.application,
    consumer: by?.consumer,
    upstream_id: by?.upstreamId,
    foreseen: foreseen?.mark,
    record: foreseen && rowOf(foreseen.record),
  };
}

function grantOf(key: GrantKey, row: WorkingRow): WorkingGrant {
  return {
    issuerId: key.issuerId,
    subject: key.subject,
    oauthClientId: key.oauthClientId,
    partition: key.partition,
    id: row.id,
    status: row.status,
    version: row.version,
    tokenVersion: row.tokenVersion,
    metadata: row.metadata,
    requestedScopes: row.requestedScopes,
    grantedScopes: row.grantedScopes,
    hasRefreshToken: row.hasRefreshToken,
    refreshPausedUntil: row.refreshPausedUntil ?? undefined,
  };
}
