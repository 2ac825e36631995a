import { admit } from '../bars/postgres-bar.js';
import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, type Query, queryOf } from '../database/postgres-database.js';
import type { JsonObject } from '../registry/domain/json.js';
import type { SessionPerson, WebSession } from '../sessions/web-session.js';
import type { SignIn } from './postgres-sign-in-store.js';

/** What one allowed sign-in gave one client: a code, then access tokens and refresh tokens, until its end. */
export interface ClientSession extends SessionPerson {
  readonly id: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly codeChallenge: string;
  readonly resource: string;
  readonly upstreamId: string;
  readonly scopes: readonly string[];
  /** What rules on claims need of the corporate sign-in. */
  readonly claims: JsonObject;
  /** Epoch seconds: the corporate session that it came of ends then, and so does it. */
  readonly expiresAt: number;
  readonly signedInAt: number;
  /** It ended, by its time or before. */
  readonly isOver: boolean;
  /** What was presented was used before. */
  readonly isUsed: boolean;
}

interface Row {
  id: string;
  issuer_id: string;
  subject: string;
  client_id: string;
  redirect_uri: string;
  code_challenge: string;
  resource: string;
  upstream_id: string;
  scopes: string[];
  claims: JsonObject;
  expires: number;
  signed_in: number;
  is_over: boolean;
  is_used: boolean;
}

const columns = `s.id, s.issuer_id, s.subject, s.client_id, s.redirect_uri, s.code_challenge, s.resource,
  s.upstream_id, s.scopes, s.claims, extract(epoch FROM s.expires_at)::float8 AS expires,
  extract(epoch FROM s.signed_in_at)::float8 AS signed_in`;

// RFC 6749 §4.1.2 allows ten minutes; a client that waits for it needs seconds.
const codeSeconds = 60;
const keptSeconds = 24 * 60 * 60;

/** Sessions of clients. Codes and refresh tokens are found by their hash and stored nowhere. */
export class PostgresClientSessions {
  constructor(private readonly database: PostgresDatabase) {}

  /** Throws PersonLeft. False where the person has signed out meanwhile. */
  async add(
    tx: Transaction,
    signIn: SignIn,
    session: WebSession,
    codeHash: Buffer,
  ): Promise<boolean> {
    await admit(tx, session);
    const rows = await queryOf(tx)(
      `INSERT INTO client_session (code_hash, code_expires_at, code_challenge, redirect_uri, client_id, resource,
                                   upstream_id, scopes, issuer_id, subject, claims, expires_at)
       SELECT $2, now() + make_interval(secs => $3), $4, $5, $6, $7, $8, $9, w.issuer_id, w.subject, w.claims, w.expires_at
         FROM web_session w WHERE w.hash = $1 AND w.expires_at > now() RETURNING id`,
      [
        session.hash,
        codeHash,
        codeSeconds,
        signIn.codeChallenge,
        signIn.redirectUri,
        signIn.clientId,
        signIn.resource,
        signIn.upstreamId,
        [...signIn.scopes],
      ],
    );
    return rows.length > 0;
  }

  /** The session of a code; `isUsed` of one that was redeemed, `isOver` of one that is too old. */
  findByCode(codeHash: Buffer): Promise<ClientSession | undefined> {
    return byCode(this.database.query, codeHash, '');
  }

  /** The same, locked. */
  lockByCode(tx: Transaction, codeHash: Buffer): Promise<ClientSession | undefined> {
    return byCode(queryOf(tx), codeHash, 'FOR UPDATE');
  }

  findByRefreshToken(hash: Buffer): Promise<ClientSession | undefined> {
    return byRefreshToken(this.database.query, hash, '');
  }

  lockByRefreshToken(tx: Transaction, hash: Buffer): Promise<ClientSession | undefined> {
    return byRefreshToken(queryOf(tx), hash, 'FOR UPDATE OF s, r');
  }

  async useCode(tx: Transaction, id: string): Promise<void> {
    await queryOf(tx)('UPDATE client_session SET code_used_at = now() WHERE id = $1', [id]);
  }

  async useRefreshToken(tx: Transaction, hash: Buffer): Promise<void> {
    await queryOf(tx)('UPDATE client_session_refresh SET used_at = now() WHERE hash = $1', [hash]);
  }

  /** Throws PersonLeft. */
  async addRefreshToken(tx: Transaction, session: ClientSession, hash: Buffer): Promise<void> {
    await admit(tx, session);
    await queryOf(tx)('INSERT INTO client_session_refresh (hash, session_id) VALUES ($1, $2)', [
      hash,
      session.id,
    ]);
  }

  /** Its refresh tokens, and with them everything of it. */
  async end(tx: Transaction, id: string): Promise<void> {
    await queryOf(tx)(
      'UPDATE client_session SET ended_at = now() WHERE id = $1 AND ended_at IS NULL',
      [id],
    );
  }

  /** Locked, by its id. */
  async lock(tx: Transaction, id: string): Promise<ClientSession | undefined> {
    const [row] = await queryOf(tx)<Row>(
      `SELECT ${columns}, false AS is_used, s.ended_at IS NOT NULL OR s.expires_at <= now() AS is_over
         FROM client_session s WHERE s.id = $1 FOR UPDATE`,
      [id],
    );
    return row && sessionOf(row);
  }

  /** All of a person. */
  async endOf(tx: Transaction, { issuerId, subject }: SessionPerson): Promise<void> {
    await queryOf(tx)(
      `UPDATE client_session SET ended_at = now()
        WHERE issuer_id = $1 AND subject = $2 AND ended_at IS NULL`,
      [issuerId, subject],
    );
  }

  /** All of a client. */
  async endOfClient(tx: Transaction, clientId: string): Promise<void> {
    await queryOf(tx)(
      'UPDATE client_session SET ended_at = now() WHERE client_id = $1 AND ended_at IS NULL',
      [clientId],
    );
  }

  async isLive(id: string): Promise<boolean> {
    const rows = await this.database.query(
      'SELECT 1 FROM client_session WHERE id = $1 AND ended_at IS NULL AND expires_at > now()',
      [id],
    );
    return rows.length > 0;
  }

  /** A day after its end nobody asks for it any more: a code that is replayed later finds nothing to end. */
  async removeExpired(): Promise<void> {
    await this.database.query(
      'DELETE FROM client_session WHERE expires_at <= now() - make_interval(secs => $1)',
      [keptSeconds],
    );
  }
}

async function byCode(query: Query, codeHash: Buffer, lock: '' | 'FOR UPDATE') {
  const [row] = await query<Row>(
    `SELECT ${columns}, s.code_used_at IS NOT NULL AS is_used,
            s.ended_at IS NOT NULL OR s.code_expires_at <= now() OR s.expires_at <= now() AS is_over
       FROM client_session s WHERE s.code_hash = $1 ${lock}`,
    [codeHash],
  );
  return row && sessionOf(row);
}

async function byRefreshToken(query: Query, hash: Buffer, lock: '' | 'FOR UPDATE OF s, r') {
  const [row] = await query<Row>(
    `SELECT ${columns}, r.used_at IS NOT NULL AS is_used,
            s.ended_at IS NOT NULL OR s.expires_at <= now() AS is_over
       FROM client_session_refresh r JOIN client_session s ON s.id = r.session_id
      WHERE r.hash = $1 ${lock}`,
    [hash],
  );
  return row && sessionOf(row);
}

function sessionOf(row: Row): ClientSession {
  return {
    id: row.id,
    issuerId: row.issuer_id,
    subject: row.subject,
    clientId: row.client_id,
    redirectUri: row.redirect_uri,
    codeChallenge: row.code_challenge,
    resource: row.resource,
    upstreamId: row.upstream_id,
    scopes: row.scopes,
    claims: row.claims,
    expiresAt: row.expires,
    signedInAt: row.signed_in,
    isOver: row.is_over,
    isUsed: row.is_used,
  };
}
