import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { WebSession } from '../sessions/web-session.js';

/** What a client asked for; nothing of it comes from a form later on. */
export interface SignInRequest {
  readonly stateHash: Buffer;
  readonly browserHash: Buffer;
  readonly clientId: string;
  readonly clientName: string;
  readonly redirectUri: string;
  /** The client's own `state`, given back as it came. */
  readonly clientState: string | undefined;
  readonly codeChallenge: string;
  readonly resource: string;
  readonly upstreamId: string;
  readonly scopes: readonly string[];
}

export interface SignIn extends SignInRequest {
  readonly id: string;
  readonly status: 'pending' | 'allowed' | 'answered';
  /** Whose session allowed it. */
  readonly sessionHash: Buffer | undefined;
  readonly interactionId: string | undefined;
}

interface Row {
  id: string;
  state_hash: Buffer;
  browser_hash: Buffer;
  client_id: string;
  client_name: string;
  redirect_uri: string;
  client_state: string | null;
  code_challenge: string;
  resource: string;
  upstream_id: string;
  scopes: string[];
  status: SignIn['status'];
  session_hash: Buffer | null;
  interaction_id: string | null;
}

const columns = `id, state_hash, browser_hash, client_id, client_name, redirect_uri, client_state, code_challenge,
  resource, upstream_id, scopes, status, session_hash, interaction_id`;

const signInSeconds = 600;
// The person signs in at a provider meanwhile, maybe twice.
const afterAllowSeconds = 1_200;

/** Sign-ins under way, each in one browser. Time is the database's. */
export class PostgresSignInStore {
  constructor(private readonly database: PostgresDatabase) {}

  async add(request: SignInRequest): Promise<string> {
    const [row] = await this.database.query<{ id: string }>(
      `INSERT INTO sign_in (state_hash, browser_hash, client_id, client_name, redirect_uri, client_state,
                            code_challenge, resource, upstream_id, scopes, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now() + make_interval(secs => $11)) RETURNING id`,
      [
        request.stateHash,
        request.browserHash,
        request.clientId,
        request.clientName,
        request.redirectUri,
        request.clientState ?? null,
        request.codeChallenge,
        request.resource,
        request.upstreamId,
        [...request.scopes],
        signInSeconds,
      ],
    );
    if (!row) throw new Error('INSERT … RETURNING gave no row.');
    return row.id;
  }

  async find(id: string): Promise<SignIn | undefined> {
    const [row] = await this.database.query<Row>(
      `SELECT ${columns} FROM sign_in WHERE id = $1 AND expires_at > now()`,
      [id],
    );
    return row && signInOf(row);
  }

  /** The person said yes on the page of this client. */
  async allow(
    tx: Transaction,
    id: string,
    session: WebSession,
    interactionId: string,
  ): Promise<void> {
    await queryOf(tx)(
      `UPDATE sign_in SET status = 'allowed', issuer_id = $2, subject = $3, session_hash = $4, interaction_id = $5,
              expires_at = now() + make_interval(secs => $6)
        WHERE id = $1 AND status IN ('pending', 'allowed')`,
      [id, session.issuerId, session.subject, session.hash, interactionId, afterAllowSeconds],
    );
  }

  /** Takes the answer of this sign-in, once: of any number of callers one gets it. */
  async answer(tx: Transaction, id: string, session: WebSession): Promise<boolean> {
    const rows = await queryOf(tx)(
      `UPDATE sign_in SET status = 'answered', issuer_id = $2, subject = $3, session_hash = $4
        WHERE id = $1 AND status IN ('pending', 'allowed') AND expires_at > now()
          AND (session_hash IS NULL OR session_hash = $4) RETURNING id`,
      [id, session.issuerId, session.subject, session.hash],
    );
    return rows.length > 0;
  }

  /** How long the session that allows it still lasts, in seconds. */
  async sessionLasts(hash: Buffer): Promise<number> {
    const [row] = await this.database.query<{ left: number }>(
      'SELECT extract(epoch FROM expires_at - now())::float8 AS left FROM web_session WHERE hash = $1',
      [hash],
    );
    return row?.left ?? 0;
  }

  async removeExpired(): Promise<void> {
    await this.database.query('DELETE FROM sign_in WHERE expires_at <= now()');
  }
}

function signInOf(row: Row): SignIn {
  return {
    id: row.id,
    stateHash: row.state_hash,
    browserHash: row.browser_hash,
    clientId: row.client_id,
    clientName: row.client_name,
    redirectUri: row.redirect_uri,
    clientState: row.client_state ?? undefined,
    codeChallenge: row.code_challenge,
    resource: row.resource,
    upstreamId: row.upstream_id,
    scopes: row.scopes,
    status: row.status,
    sessionHash: row.session_hash ?? undefined,
    interactionId: row.interaction_id ?? undefined,
  };
}
