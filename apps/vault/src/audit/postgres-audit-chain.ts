import { type ChainedEvent, genesis, nextHash } from '#lib/audit-chain/chain';
import type { ChainHead } from '#lib/audit-chain/verify-chain';
import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, type Query, queryOf } from '../database/postgres-database.js';
import { chainedColumns } from './postgres-audit-export.js';

const batch = 5_000;

/**
 * Chains events that stand unchained, oldest first. Events commit out of the order of their sequence; a late one
 * is simply chained later, as long as its transaction lasted less than a minute (statements are cut at 15 s).
 */
export class PostgresAuditChain {
  constructor(private readonly database: PostgresDatabase) {}

  /** Chains up to 5,000 events; undefined while another replica is at it or nothing waits. */
  seal(): Promise<{ head: ChainHead; sealed: number; more: boolean } | undefined> {
    return this.database.transaction(async (tx) => {
      const query = queryOf(tx);
      const [lock] = await query<{ taken: boolean }>(
        `SELECT pg_try_advisory_xact_lock(hashtextextended('symbolon/audit-chain', 0)) AS taken`,
      );
      if (!lock?.taken) return undefined;
      const waiting = await unsealed(query);
      if (waiting.length === 0) return undefined;
      const head = await this.#append(tx, waiting);
      return { head, sealed: waiting.length, more: waiting.length === batch };
    });
  }

  async #append(tx: Transaction, events: readonly ChainedEvent[]): Promise<ChainHead> {
    const query = queryOf(tx);
    let head = await headOf(query);
    const hashes: Buffer[] = [];
    for (const event of events) {
      head = { position: head.position + 1, hash: nextHash(head.hash, event) };
      hashes.push(Buffer.from(head.hash, 'hex'));
    }
    await query(
      `INSERT INTO audit_seal (position, sequence, hash)
       SELECT $1 + ordinality, sequence, hash
         FROM unnest($2::bigint[], $3::bytea[]) WITH ORDINALITY AS new (sequence, hash, ordinality)`,
      [head.position - events.length, events.map(({ sequence }) => sequence), hashes],
    );
    return head;
  }
}

async function headOf(query: Query): Promise<ChainHead> {
  const [last] = await query<{ position: string; hash: Buffer }>(
    'SELECT position, hash FROM audit_seal ORDER BY position DESC LIMIT 1',
  );
  return last
    ? { position: Number(last.position), hash: last.hash.toString('hex') }
    : { position: 0, hash: genesis };
}

function unsealed(query: Query): Promise<ChainedEvent[]> {
  return query<ChainedEvent & Record<string, unknown>>(
    `SELECT ${chainedColumns} FROM audit_event e
      WHERE e.sequence > coalesce((SELECT s.sequence FROM audit_seal s
                                    WHERE s.at < clock_timestamp() - interval '1 minute'
                                    ORDER BY s.at DESC LIMIT 1), 0)
        AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.sequence = e.sequence)
      ORDER BY e.sequence LIMIT $1`,
    [batch],
  );
}
