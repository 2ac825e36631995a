import type { PostgresDatabase } from '../database/postgres-database.js';
import type { SealingKeyStore, StoredSealingKey } from './sealing-key-store.js';

export class PostgresSealingKeyStore implements SealingKeyStore {
  constructor(private readonly database: PostgresDatabase) {}

  all(): Promise<readonly StoredSealingKey[]> {
    return this.database.query<StoredSealingKey>(
      `SELECT id, kek_id AS "kekId", wrapped, canary, status FROM sealing_key ORDER BY created_at`,
    );
  }

  async addFirst(key: StoredSealingKey): Promise<void> {
    await this.database.query(
      `INSERT INTO sealing_key (id, kek_id, wrapped, canary, status)
       SELECT $1, $2, $3, $4, 'primary' WHERE NOT EXISTS (SELECT FROM sealing_key)
       ON CONFLICT DO NOTHING`,
      [key.id, key.kekId, key.wrapped, key.canary],
    );
  }
}
