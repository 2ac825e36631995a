import type { Secret } from '#lib/secret/secret';
import type { Transaction } from '../database/database.js';
import { queryOf } from '../database/postgres-database.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { SealedPlace, Sealer } from '../sealing/sealer.js';
import type { SessionPerson } from '../sessions/web-session.js';

/** One trip to an upstream authorization server: who allowed what, in which session and browser. */
export interface Authorization extends SessionPerson {
  readonly stateHash: Buffer;
  readonly interactionId: string;
  readonly interactionVersion: number;
  readonly oauthClientId: string;
  readonly sessionHash: Buffer;
  readonly browserHash: Buffer;
  readonly codeVerifier: Secret;
  readonly nonce: string;
  readonly scopes: readonly string[];
  readonly resource: string | undefined;
  /** What the tokens are bound to where the server does that (RFC 9449). */
  readonly dpopKey: Secret | undefined;
}

const authorizationSeconds = 600;

interface Row {
  state_hash: Buffer;
  interaction_id: string;
  interaction_version: string;
  oauth_client_id: string;
  session_hash: Buffer;
  browser_hash: Buffer;
  pkce_verifier: Buffer;
  dpop_key: Buffer | null;
  nonce: string;
  scopes: string[];
  resource: string | null;
  issuer_id: string;
  subject: string;
}

const columns = `a.state_hash, a.interaction_id, a.interaction_version, a.oauth_client_id, a.session_hash,
  a.browser_hash, a.pkce_verifier, a.dpop_key, a.nonce, a.scopes, a.resource, i.issuer_id, i.subject`;

/** Upstream authorizations under way, minted by Allow and by nothing else (row 4). */
export class PostgresAuthorizationStore {
  constructor(
    private readonly database: PostgresDatabase,
    private readonly sealer: Sealer,
  ) {}

  async add(tx: Transaction, authorization: Authorization): Promise<void> {
    await queryOf(tx)(
      `INSERT INTO upstream_authorization
         (state_hash, interaction_id, interaction_version, oauth_client_id, session_hash, browser_hash,
          pkce_verifier, nonce, scopes, resource, expires_at, dpop_key)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now() + make_interval(secs => $11), $12)`,
      [
        authorization.stateHash,
        authorization.interactionId,
        authorization.interactionVersion,
        authorization.oauthClientId,
        authorization.sessionHash,
        authorization.browserHash,
        this.sealer.seal(pkceVerifierPlace(authorization), authorization.codeVerifier),
        authorization.nonce,
        [...authorization.scopes],
        authorization.resource ?? null,
        authorizationSeconds,
        authorization.dpopKey &&
          this.sealer.seal(tripKeyPlace(authorization), authorization.dpopKey),
      ],
    );
  }

  /** Takes the authorization of this state, once: of any number of callers one gets it (row 12). */
  async use(stateHash: Buffer): Promise<Authorization | undefined> {
    const [row] = await this.database.query<Row>(
      `UPDATE upstream_authorization a SET used_at = now() FROM interaction i
        WHERE a.state_hash = $1 AND a.used_at IS NULL AND a.expires_at > now() AND i.id = a.interaction_id
        RETURNING ${columns}`,
      [stateHash],
    );
    return row && this.#authorizationOf(row);
  }

  /** An authorization that is not used yet; for the page on the way. */
  async peek(stateHash: Buffer): Promise<Authorization | undefined> {
    const [row] = await this.database.query<Row>(
      `SELECT ${columns} FROM upstream_authorization a JOIN interaction i ON i.id = a.interaction_id
        WHERE a.state_hash = $1 AND a.used_at IS NULL AND a.expires_at > now()`,
      [stateHash],
    );
    return row && this.#authorizationOf(row);
  }

  /** Which interaction a state was for, used or not, if this session began it. */
  async interactionOf(stateHash: Buffer, sessionHash: Buffer): Promise<string | undefined> {
    const [row] = await this.database.query<{ interaction_id: string }>(
      'SELECT interaction_id FROM upstream_authorization WHERE state_hash = $1 AND session_hash = $2',
      [stateHash, sessionHash],
    );
    return row?.interaction_id;
  }

  async #authorizationOf(row: Row): Promise<Authorization> {
    const unsealed = {
      stateHash: row.state_hash,
      interactionId: row.interaction_id,
      interactionVersion: Number(row.interaction_version),
      oauthClientId: row.oauth_client_id,
      sessionHash: row.session_hash,
      browserHash: row.browser_hash,
      nonce: row.nonce,
      scopes: row.scopes,
      resource: row.resource ?? undefined,
      issuerId: row.issuer_id,
      subject: row.subject,
    };
    return {
      ...unsealed,
      codeVerifier: await this.sealer.open(pkceVerifierPlace(unsealed), row.pkce_verifier),
      dpopKey: row.dpop_key
        ? await this.sealer.open(tripKeyPlace(unsealed), row.dpop_key)
        : undefined,
    };
  }
}

type Trip = Pick<Authorization, 'stateHash' | 'issuerId' | 'subject' | 'oauthClientId'>;

/** Where the key of a trip is sealed. */
export function tripKeyPlace(authorization: Trip): SealedPlace {
  return { ...pkceVerifierPlace(authorization), column: 'dpop_key' };
}

/** Where the verifier of a trip is sealed. */
export function pkceVerifierPlace(authorization: Trip): SealedPlace {
  return {
    table: 'upstream_authorization',
    column: 'pkce_verifier',
    rowId: authorization.stateHash.toString('hex'),
    issuer: authorization.issuerId,
    subject: authorization.subject,
    oauthClient: authorization.oauthClientId,
  };
}
