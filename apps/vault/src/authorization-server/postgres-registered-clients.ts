import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { ClientMetadata } from './domain/client-metadata.js';
import type { SignInClient } from './domain/sign-in-client.js';

interface Row {
  client_id: string;
  name: string;
  redirect_uris: string[];
  created_at: Date;
  used_at: Date | null;
  expires_at: Date;
}

export interface RegisteredClient extends SignInClient {
  readonly createdAt: Date;
  readonly usedAt: Date | undefined;
  readonly expiresAt: Date;
}

const columns = 'client_id, name, redirect_uris, created_at, used_at, expires_at';
// A registration that nobody signs in with is noise; one in use is renewed by each sign-in.
const unusedHours = 24;
const usedDays = 180;
/** Registrations at once that nobody has signed in with. */
const maxUnused = 5_000;

/** Clients that registered themselves (RFC 7591). Time is the database's. */
export class PostgresRegisteredClients {
  constructor(private readonly database: PostgresDatabase) {}

  async find(clientId: string): Promise<RegisteredClient | undefined> {
    const [row] = await this.database.query<Row>(
      `SELECT ${columns} FROM registered_client WHERE client_id = $1 AND expires_at > now()`,
      [clientId],
    );
    return row && clientOf(row);
  }

  /** Undefined while too many wait for their first use. */
  async add(
    clientId: string,
    { name, redirectUris }: ClientMetadata,
  ): Promise<RegisteredClient | undefined> {
    const [row] = await this.database.query<Row>(
      `INSERT INTO registered_client (client_id, name, redirect_uris, expires_at)
       SELECT $1, $2, $3, now() + make_interval(hours => $4)
        WHERE (SELECT count(*) FROM registered_client WHERE used_at IS NULL) < $5
       RETURNING ${columns}`,
      [clientId, name, [...redirectUris], unusedHours, maxUnused],
    );
    return row && clientOf(row);
  }

  /** Somebody allowed it something. False where it is not registered (any more). */
  async use(tx: Transaction, clientId: string): Promise<boolean> {
    const rows = await queryOf(tx)(
      `UPDATE registered_client SET used_at = now(), expires_at = now() + make_interval(days => $2)
        WHERE client_id = $1 RETURNING client_id`,
      [clientId, usedDays],
    );
    return rows.length > 0;
  }

  /** By client id, after `after`. */
  async list(after: string, limit: number): Promise<readonly RegisteredClient[]> {
    const rows = await this.database.query<Row>(
      `SELECT ${columns} FROM registered_client
        WHERE expires_at > now() AND client_id > $1 ORDER BY client_id LIMIT $2`,
      [after, limit],
    );
    return rows.map(clientOf);
  }

  async remove(tx: Transaction, clientId: string): Promise<boolean> {
    const rows = await queryOf(tx)(
      'DELETE FROM registered_client WHERE client_id = $1 RETURNING client_id',
      [clientId],
    );
    return rows.length > 0;
  }

  async removeExpired(): Promise<void> {
    await this.database.query('DELETE FROM registered_client WHERE expires_at <= now()');
  }
}

function clientOf(row: Row): RegisteredClient {
  return {
    clientId: row.client_id,
    name: row.name,
    redirectUris: row.redirect_uris,
    createdAt: row.created_at,
    usedAt: row.used_at ?? undefined,
    expiresAt: row.expires_at,
  };
}
