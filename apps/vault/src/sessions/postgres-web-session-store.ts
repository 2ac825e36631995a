import { admit } from '../bars/postgres-bar.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { Transaction } from '../database/database.js';
import { queryOf } from '../database/postgres-database.js';
import type { JsonObject } from '../registry/domain/json.js';
import { sessionIdleSeconds, sessionLifetimeSeconds } from './web-session.js';
import type { WebSession } from './web-session.js';

interface Row {
  hash: Buffer;
  issuer_id: string;
  subject: string;
  display_name: string;
  account: string;
  csrf_token: string;
}

/** `claims`: what rules on claims need of the sign-in, and nothing else. */
type NewSession = WebSession & { readonly claims: JsonObject };

/** Web sessions, found by the hash of the cookie. Life and idleness are measured by the database's clock. */
export class PostgresWebSessionStore {
  constructor(private readonly database: PostgresDatabase) {}

  /** The live session, which counts as a use of it. */
  async use(hash: Buffer): Promise<WebSession | undefined> {
    const [row] = await this.database.query<Row>(
      `UPDATE web_session SET last_seen_at = now()
        WHERE hash = $1 AND expires_at > now() AND last_seen_at > now() - make_interval(secs => $2)
        RETURNING hash, issuer_id, subject, display_name, account, csrf_token`,
      [hash, sessionIdleSeconds],
    );
    return row && sessionOf(row);
  }

  /** Throws PersonLeft. */
  async add(tx: Transaction, session: NewSession): Promise<void> {
    await admit(tx, session);
    await queryOf(tx)(
      `INSERT INTO web_session (hash, issuer_id, subject, display_name, account, csrf_token, expires_at, claims)
       VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7), $8)`,
      [
        session.hash,
        session.issuerId,
        session.subject,
        session.displayName,
        session.account,
        session.csrfToken,
        sessionLifetimeSeconds,
        JSON.stringify(session.claims),
      ],
    );
  }

  async remove(tx: Transaction, hash: Buffer): Promise<void> {
    await queryOf(tx)('DELETE FROM web_session WHERE hash = $1', [hash]);
  }

  /** All of a person. Answers how many there were. */
  async removeOf(tx: Transaction, person: { issuerId: string; subject: string }): Promise<number> {
    const rows = await queryOf(tx)(
      'DELETE FROM web_session WHERE issuer_id = $1 AND subject = $2 RETURNING hash',
      [person.issuerId, person.subject],
    );
    return rows.length;
  }

  async removeEnded(): Promise<void> {
    await this.database.query(
      `DELETE FROM web_session
        WHERE expires_at <= now() OR last_seen_at <= now() - make_interval(secs => $1)`,
      [sessionIdleSeconds],
    );
  }
}

function sessionOf(row: Row): WebSession {
  return {
    hash: row.hash,
    issuerId: row.issuer_id,
    subject: row.subject,
    displayName: row.display_name,
    account: row.account,
    csrfToken: row.csrf_token,
  };
}
