import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ChainedEvent, genesis, nextHash } from '#lib/audit-chain/chain';
import type { ChainHead } from '#lib/audit-chain/verify-chain';
import { type PostgresDatabase, type Query, queryOf } from '../database/postgres-database.js';
import { chainedColumns, isUnchained } from './audit-columns.js';

const batch = 2_000;
// Hashing keeps the process busy: requests get their turn in between.
const hashedAtOnce = 100;

export interface ChainedRound {
  readonly head: ChainHead;
  readonly chained: number;
  /** Whether more may wait. */
  readonly more: boolean;
}

interface End extends ChainHead {
  /** Below this sequence everything is chained, or never came to be. */
  readonly settled: bigint;
  /** Below this sequence everything is visible by now that will ever be. */
  readonly visible: bigint;
}

/**
 * Chains events that stand unchained, lowest sequence first, by inserts alone. Sequences have gaps and commit out
 * of order: what appears late is chained late, at the position that is next then.
 *
 * Nothing is left out, however long a transaction runs. What a round R has not seen below its own last event was
 * being written by a transaction then running. That transaction has a smaller number than R: it got the number
 * before its events got their sequences (a trigger sees to it), R got its own after it had looked. So once all
 * numbers up to R's are over (R < xmin), all that ever appears below R's last event is visible; the round that
 * finds this so chains the rest of it, and remembers that below it everything is settled. A copy of the database
 * on another server, whose numbers are others, goes on from what was remembered.
 */
export class PostgresAuditChain {
  constructor(private readonly database: PostgresDatabase) {}

  /** One round of up to 2,000 events. Undefined while another replica is at it, or nothing waits. */
  chain(): Promise<ChainedRound | undefined> {
    return this.database.transaction(async (tx) => {
      const query = queryOf(tx);
      if (!(await isElected(query))) return undefined;
      const end = await endOf(query);
      const events = await unchained(query);
      if (events.length === 0) return undefined;
      const head = await append(query, end, events);
      return { head, chained: events.length, more: events.length === batch };
    });
  }
}

async function isElected(query: Query): Promise<boolean> {
  const [lock] = await query<{ taken: boolean }>(
    `SELECT pg_try_advisory_xact_lock(hashtextextended('symbolon/audit-chain', 0)) AS taken`,
  );
  return lock?.taken === true;
}

async function endOf(query: Query): Promise<End> {
  const [last] = await query<{ position: string; hash: Buffer; settled: string; visible: string }>(
    `SELECT position, hash, settled, coalesce(
              (SELECT recent.sequence
                 FROM (SELECT position, sequence, xid FROM audit_seal ORDER BY position DESC LIMIT 20000) recent
                WHERE recent.xid < pg_snapshot_xmin(pg_current_snapshot())
                ORDER BY recent.position DESC LIMIT 1), 0) AS visible
       FROM audit_seal ORDER BY position DESC LIMIT 1`,
  );
  if (!last) return { position: 0, hash: genesis, settled: 0n, visible: 0n };
  return {
    position: Number(last.position),
    hash: last.hash.toString('hex'),
    settled: BigInt(last.settled),
    visible: BigInt(last.visible),
  };
}

function unchained(query: Query): Promise<ChainedEvent[]> {
  return query<ChainedEvent & Record<string, unknown>>(
    `SELECT ${chainedColumns} FROM audit_event e WHERE ${isUnchained} ORDER BY e.sequence LIMIT $1`,
    [batch],
  );
}

async function append(query: Query, end: End, events: readonly ChainedEvent[]): Promise<ChainHead> {
  let head: ChainHead = end;
  const hashes: Buffer[] = [];
  for (const event of events) {
    head = { position: head.position + 1, hash: nextHash(head.hash, event) };
    if (hashes.push(Buffer.from(head.hash, 'hex')) % hashedAtOnce === 0) await nextTurn();
  }
  const sequences = events.map(({ sequence }) => sequence);
  await query(
    `INSERT INTO audit_seal (position, sequence, hash, settled)
     SELECT $1 + ordinality, sequence, hash, $4
       FROM unnest($2::bigint[], $3::bytea[]) WITH ORDINALITY AS new (sequence, hash, ordinality)`,
    [end.position, sequences, hashes, settledAfter(end, sequences).toString()],
  );
  return head;
}

function settledAfter({ settled, visible }: End, sequences: readonly string[]): bigint {
  const last = BigInt(sequences.at(-1) ?? 0);
  // A full round may have left some of it for the next one.
  const reached = sequences.length === batch && last < visible ? last : visible;
  return reached > settled ? reached : settled;
}
