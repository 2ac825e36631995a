import type { Transaction } from '../database/database.js';
import { queryOf } from '../database/postgres-database.js';
import type { SessionEnder } from '../registry/registry-effects.js';

export class PostgresSessionEnder implements SessionEnder {
  async endAll(tx: Transaction, issuerId: string): Promise<number> {
    const query = queryOf(tx);
    await query('DELETE FROM login_attempt WHERE issuer_id = $1', [issuerId]);
    await query(
      'UPDATE client_session SET ended_at = now() WHERE issuer_id = $1 AND ended_at IS NULL',
      [issuerId],
    );
    const ended = await query('DELETE FROM web_session WHERE issuer_id = $1 RETURNING 1', [
      issuerId,
    ]);
    return ended.length;
  }
}
