import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { WrappedKey } from '../sealing/key-encryption-key.js';
import type { StoredSealingKey } from '../sealing/sealing-key-store.js';

export interface ListedDataKey {
  /** Hexadecimal. */
  readonly id: string;
  readonly status: StoredSealingKey['status'];
  readonly kekId: string;
  readonly kekVersion: string;
  readonly createdAt: Date;
  readonly wrappedAt: Date;
}

/** A process that was heard of within the last ten seconds and is not sealed. */
export interface LiveProcess {
  readonly name: string;
  readonly primaryKey: string;
  readonly dataKeys: readonly string[];
  readonly keks: readonly string[];
  readonly problem: string | null;
}

/** A process that cannot open the keys, and why. */
export interface SealedProcess {
  readonly name: string;
  readonly problem: string;
}

const lock = `hashtextextended('symbolon/sealing-key/' || $1, 0)`;

/** What rotation changes about data keys. Ids are hexadecimal. */
export class PostgresKeyAdministration {
  constructor(private readonly database: PostgresDatabase) {}

  async list(): Promise<ListedDataKey[]> {
    return this.database.query<ListedDataKey & Record<string, unknown>>(
      `SELECT encode(id, 'hex') AS id, status, kek_id AS "kekId", kek_version AS "kekVersion",
              created_at AS "createdAt", wrapped_at AS "wrappedAt"
         FROM sealing_key ORDER BY created_at`,
    );
  }

  async live(): Promise<LiveProcess[]> {
    return this.database.query<LiveProcess & Record<string, unknown>>(
      `SELECT name, primary_key AS "primaryKey", data_keys AS "dataKeys", keks, problem
         FROM sealing_process
        WHERE seen_at > clock_timestamp() - interval '10 seconds' AND primary_key IS NOT NULL
        ORDER BY name`,
    );
  }

  /** It looks the less often the longer it is sealed, at most every 36 seconds. */
  async sealed(): Promise<SealedProcess[]> {
    return this.database.query<SealedProcess & Record<string, unknown>>(
      `SELECT name, coalesce(problem, 'sealed') AS problem FROM sealing_process
        WHERE seen_at > clock_timestamp() - interval '45 seconds' AND primary_key IS NULL
        ORDER BY name`,
    );
  }

  async add(tx: Transaction, key: StoredSealingKey): Promise<void> {
    await queryOf(tx)(
      `INSERT INTO sealing_key (id, kek_id, kek_version, wrapped, canary, status, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())`,
      [key.id, key.kekId, key.version, key.wrapped, key.canary, key.status],
    );
  }

  async promote(tx: Transaction, id: string): Promise<void> {
    await queryOf(tx)(`UPDATE sealing_key SET status = 'readable' WHERE status = 'primary'`);
    await queryOf(tx)(
      `UPDATE sealing_key SET status = 'primary' WHERE id = decode($1, 'hex') AND status = 'readable'`,
      [id],
    );
  }

  /** From the commit on no row can come to stand under this key. False if it is the primary, or gone. */
  async close(tx: Transaction, id: string): Promise<boolean> {
    const query = queryOf(tx);
    // Waits for those who are writing under it; everybody who comes later sees it closed.
    await query(`SET LOCAL lock_timeout = '5s'`);
    await query(`SELECT pg_advisory_xact_lock(${lock})`, [id]);
    const rows = await query(
      `UPDATE sealing_key SET status = 'retiring'
        WHERE id = decode($1, 'hex') AND status IN ('readable','retiring') RETURNING id`,
      [id],
    );
    return rows.length > 0;
  }

  async reopen(tx: Transaction, id: string): Promise<void> {
    await queryOf(tx)(
      `UPDATE sealing_key SET status = 'readable' WHERE id = decode($1, 'hex') AND status = 'retiring'`,
      [id],
    );
  }

  async remove(tx: Transaction, id: string): Promise<void> {
    await queryOf(tx)(
      `DELETE FROM sealing_key WHERE id = decode($1, 'hex') AND status = 'retiring'`,
      [id],
    );
  }

  /** False when it was wrapped by somebody else meanwhile. */
  async rewrap(
    tx: Transaction,
    before: StoredSealingKey,
    after: WrappedKey & { readonly kekId: string },
  ): Promise<boolean> {
    const rows = await queryOf(tx)(
      `UPDATE sealing_key SET kek_id = $3, kek_version = $4, wrapped = $5, wrapped_at = clock_timestamp()
        WHERE id = $1 AND wrapped = $2 RETURNING id`,
      [before.id, before.wrapped, after.kekId, after.version, after.wrapped],
    );
    return rows.length > 0;
  }

  /** Those that this rotation has not wrapped yet. */
  async wrappedBefore(startedAt: Date): Promise<StoredSealingKey[]> {
    return this.database.query<StoredSealingKey & Record<string, unknown>>(
      `SELECT id, kek_id AS "kekId", kek_version AS version, wrapped, canary, status
         FROM sealing_key WHERE wrapped_at < $1 ORDER BY created_at`,
      [startedAt],
    );
  }
}
