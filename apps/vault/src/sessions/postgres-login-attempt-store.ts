import type { PostgresDatabase } from '../database/postgres-database.js';
import type { SealedPlace, Sealer } from '../sealing/sealer.js';
import { loginAttemptSeconds } from './login-attempt.js';
import type { LoginAttempt, ReturnTo } from './login-attempt.js';

type StoredReturn =
  | { page: 'connections' | 'nowhere' }
  | { page: 'link'; sealed: string }
  | { page: 'interaction' | 'sign-in'; id: string };

interface Row {
  browser_hash: Buffer;
  issuer_id: string;
  pkce_verifier: Buffer;
  nonce: string;
  return_to: StoredReturn;
}

/** Sign-ins under way. The verifier and a link to return to are sealed. */
export class PostgresLoginAttemptStore {
  constructor(
    private readonly database: PostgresDatabase,
    private readonly sealer: Sealer,
  ) {}

  async add(attempt: LoginAttempt): Promise<void> {
    const { stateHash, browserHash, issuerId, nonce, returnTo } = attempt;
    await this.database.query(
      `INSERT INTO login_attempt (state_hash, browser_hash, issuer_id, pkce_verifier, nonce, return_to, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))`,
      [
        stateHash,
        browserHash,
        issuerId,
        this.sealer.seal(
          loginAttemptPlace(stateHash, issuerId, 'pkce_verifier'),
          attempt.codeVerifier,
        ),
        nonce,
        JSON.stringify(this.#stored(returnTo, loginAttemptPlace(stateHash, issuerId, 'return_to'))),
        loginAttemptSeconds,
      ],
    );
  }

  /** Takes the attempt of this state, once: a second caller gets nothing. */
  async use(stateHash: Buffer): Promise<LoginAttempt | undefined> {
    const [row] = await this.database.query<Row>(
      `UPDATE login_attempt SET used_at = now()
        WHERE state_hash = $1 AND used_at IS NULL AND expires_at > now()
        RETURNING browser_hash, issuer_id, pkce_verifier, nonce, return_to`,
      [stateHash],
    );
    if (!row) return undefined;
    const place = loginAttemptPlace(stateHash, row.issuer_id, 'pkce_verifier');
    return {
      stateHash,
      browserHash: row.browser_hash,
      issuerId: row.issuer_id,
      codeVerifier: await this.sealer.open(place, row.pkce_verifier),
      nonce: row.nonce,
      returnTo: await this.#opened(
        row.return_to,
        loginAttemptPlace(stateHash, row.issuer_id, 'return_to'),
      ),
    };
  }

  async removeEnded(): Promise<void> {
    await this.database.query('DELETE FROM login_attempt WHERE expires_at <= now()');
  }

  #stored(returnTo: ReturnTo, place: SealedPlace): StoredReturn {
    if (returnTo.page !== 'link') return returnTo;
    return { page: 'link', sealed: this.sealer.seal(place, returnTo.link).toString('base64') };
  }

  async #opened(stored: StoredReturn, place: SealedPlace): Promise<ReturnTo> {
    if (stored.page !== 'link') return stored;
    const sealed = Buffer.from(stored.sealed, 'base64');
    return { page: 'link', link: await this.sealer.open(place, sealed) };
  }
}

/** Where a column of a sign-in is sealed. */
export function loginAttemptPlace(stateHash: Buffer, issuer: string, column: string): SealedPlace {
  const rowId = stateHash.toString('hex');
  return { table: 'login_attempt', column, rowId, issuer, subject: '', oauthClient: '' };
}
