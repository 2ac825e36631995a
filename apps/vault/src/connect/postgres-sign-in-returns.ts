import type { PostgresDatabase } from '../database/postgres-database.js';
import type { WebSession } from '../sessions/web-session.js';

/** Where a person goes on after a connection that they made as a client had them sign in. */
export class PostgresSignInReturns {
  constructor(
    private readonly database: PostgresDatabase,
    private readonly publicUrl: string,
  ) {}

  /** The page of the newest sign-in that waits for it in this session. */
  async urlOf(interactionId: string, { hash }: Pick<WebSession, 'hash'>): Promise<URL | undefined> {
    const [row] = await this.database.query<{ id: string }>(
      `SELECT id FROM sign_in WHERE interaction_id = $1 AND session_hash = $2 AND status = 'allowed'
         AND expires_at > now() ORDER BY expires_at DESC LIMIT 1`,
      [interactionId, hash],
    );
    return row && new URL(`/sign-in/${row.id}`, this.publicUrl);
  }
}
