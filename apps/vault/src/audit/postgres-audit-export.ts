import { type ChainedEvent, type ExportedLine, genesis } from '#lib/audit-chain/chain';
import type { PostgresDatabase } from '../database/postgres-database.js';
import { chainedColumns } from './audit-columns.js';

const pageSize = 1_000;
const lookedAtOnce = 10_000;

export interface ExportRange {
  /** Goes on after this position. */
  readonly after?: number;
  /** Inclusive, RFC 3339. */
  readonly from?: string;
  /** Exclusive, RFC 3339. */
  readonly to?: string;
}

interface Stretch {
  readonly after: number;
  /** Undefined: to the end. */
  readonly last: number | undefined;
}

type ChainedRow = {
  position: string;
  hash: Buffer;
  chained_at: string;
  sealed_sequence: string;
} & { [column in keyof ChainedEvent]: ChainedEvent[column] | null };

/**
 * The log in the order of the chain, then what is not chained yet; read a page at a time. A range of times is the
 * unbroken stretch of the chain that holds all its events, so that it can be verified like the whole.
 */
export class PostgresAuditExport {
  constructor(private readonly database: PostgresDatabase) {}

  async *lines(range: ExportRange = {}): AsyncGenerator<ExportedLine> {
    const { after, last } = await this.#stretch(range);
    let position = after;
    let previous = await this.#hashAt(position);
    for (;;) {
      const rows = await this.#chainedAfter(position, last);
      for (const row of rows) {
        const line = lineOf(row, previous);
        ({ position, hash: previous } = line);
        yield line;
      }
      if (rows.length < pageSize) break;
    }
    if (range.to === undefined) yield* this.#waiting(range);
  }

  /** Events of near times may stand in another order than their times: the outermost positions count. */
  async #stretch({ after = 0, from, to }: ExportRange): Promise<Stretch> {
    if (from === undefined && to === undefined) return { after, last: undefined };
    const [found] = await this.database.query<{ first: string | null; last: string | null }>(
      `SELECT min(s.position) AS first, max(s.position) AS last
         FROM audit_event e JOIN audit_seal s ON s.sequence = e.sequence
        WHERE ($1::timestamptz IS NULL OR e.at >= $1) AND ($2::timestamptz IS NULL OR e.at < $2)`,
      [from ?? null, to ?? null],
    );
    if (found === undefined || found.first === null) return { after, last: after };
    const last = to === undefined ? undefined : Number(found.last);
    return { after: Math.max(after, Number(found.first) - 1), last };
  }

  async #hashAt(position: number): Promise<string> {
    const [row] = await this.database.query<{ hash: Buffer }>(
      'SELECT hash FROM audit_seal WHERE position = $1',
      [position],
    );
    return row?.hash.toString('hex') ?? genesis;
  }

  #chainedAfter(position: number, last: number | undefined): Promise<ChainedRow[]> {
    return this.database.query<ChainedRow>(
      `SELECT s.position::text AS position, s.hash, s.sequence::text AS sealed_sequence,
              to_char(s.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS chained_at, ${chainedColumns}
         FROM audit_seal s LEFT JOIN audit_event e ON e.sequence = s.sequence
        WHERE s.position > $1 AND ($2::bigint IS NULL OR s.position <= $2)
        ORDER BY s.position LIMIT $3`,
      [position, last ?? null, pageSize],
    );
  }

  /**
   * Whatever no position of the chain names. Asked of each event, and not of what the chain says to be settled: the
   * chain is what is to be verified.
   */
  async *#waiting(range: ExportRange): AsyncGenerator<ExportedLine> {
    let after = await this.#lookFrom(range);
    for (;;) {
      const last = after === undefined ? undefined : await this.#lookUpTo(after);
      if (after === undefined || last === undefined) return;
      for (const event of await this.#unnamed(after, last, range.from))
        yield { position: null, sequence: event.sequence, event };
      after = last;
    }
  }

  /** The sequence before all that belongs to a range. What goes on after a position leaves to the export before it what that could see. */
  async #lookFrom({ after = 0, from }: ExportRange): Promise<string | undefined> {
    const [found] = await this.database.query<{ first: string | null }>(
      `SELECT (CASE
         WHEN $2::timestamptz IS NOT NULL THEN
           (SELECT min(sequence) FROM (SELECT sequence FROM audit_event WHERE at >= $2 OFFSET 0) e)
         WHEN $1 > 0 THEN least(
           (SELECT settled FROM audit_seal ORDER BY position DESC LIMIT 1),
           (SELECT sequence FROM audit_seal WHERE position = $1))
         ELSE (SELECT min(sequence) FROM audit_event) END - 1)::text AS first`,
      [after, from ?? null],
    );
    return found?.first ?? undefined;
  }

  async #lookUpTo(after: string): Promise<string | undefined> {
    const [found] = await this.database.query<{ last: string | null }>(
      `SELECT max(sequence)::text AS last
         FROM (SELECT sequence FROM audit_event WHERE sequence > $1 ORDER BY sequence LIMIT $2) e`,
      [after, lookedAtOnce],
    );
    return found?.last ?? undefined;
  }

  #unnamed(after: string, last: string, from: string | undefined): Promise<ChainedEvent[]> {
    return this.database.query<ChainedEvent & Record<string, unknown>>(
      `SELECT ${chainedColumns} FROM audit_event e
        WHERE e.sequence > $1 AND e.sequence <= $2 AND ($3::timestamptz IS NULL OR e.at >= $3)
          AND NOT EXISTS (SELECT FROM audit_seal s
            WHERE s.sequence = e.sequence AND s.sequence > $1 AND s.sequence <= $2 AND s.position > 0)
        ORDER BY e.sequence`,
      [after, last, from ?? null],
    );
  }
}

function lineOf(row: ChainedRow, previous: string) {
  const { position, hash, chained_at: chainedAt, sealed_sequence: sequence, ...event } = row;
  return {
    position: Number(position),
    sequence,
    previous,
    hash: hash.toString('hex'),
    chainedAt,
    event: event.sequence === null ? null : (event as ChainedEvent),
  };
}
