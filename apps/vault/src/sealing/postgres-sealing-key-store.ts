import type { PostgresDatabase } from '../database/postgres-database.js';
import type {
  SealingKeyStore,
  SealingProcess,
  SealingProcessStore,
  StoredSealingKey,
} from './sealing-key-store.js';

export class PostgresSealingKeyStore implements SealingKeyStore, SealingProcessStore {
  constructor(private readonly database: PostgresDatabase) {}

  all(): Promise<readonly StoredSealingKey[]> {
    return this.database.query<StoredSealingKey & Record<string, unknown>>(
      `SELECT id, kek_id AS "kekId", kek_version AS version, wrapped, canary, status
         FROM sealing_key ORDER BY created_at`,
    );
  }

  async addFirst(key: StoredSealingKey): Promise<void> {
    await this.database.query(
      `INSERT INTO sealing_key (id, kek_id, kek_version, wrapped, canary, status)
       SELECT $1, $2, $3, $4, $5, 'primary' WHERE NOT EXISTS (SELECT FROM sealing_key)
       ON CONFLICT DO NOTHING`,
      [key.id, key.kekId, key.version, key.wrapped, key.canary],
    );
  }

  async report(process: SealingProcess): Promise<void> {
    const { id, name, primaryKey, dataKeys, keks, problem } = process;
    await this.database.query(
      `WITH gone AS (DELETE FROM sealing_process WHERE seen_at < clock_timestamp() - interval '1 hour')
       INSERT INTO sealing_process (id, name, primary_key, data_keys, keks, problem)
       VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (id) DO UPDATE SET primary_key = excluded.primary_key, data_keys = excluded.data_keys,
         keks = excluded.keks, problem = excluded.problem, seen_at = clock_timestamp()`,
      [id, name, primaryKey ?? null, dataKeys, keks, problem ?? null],
    );
  }

  async forget(id: string): Promise<void> {
    await this.database.query('DELETE FROM sealing_process WHERE id = $1', [id]);
  }
}
