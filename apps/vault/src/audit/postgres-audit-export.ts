import type { ChainedEvent, ExportedLine } from '#lib/audit-chain/chain';
import type { PostgresDatabase } from '../database/postgres-database.js';

const pageSize = 1_000;

/** The columns of `audit_event e` as they are hashed: a change of these breaks every chain there is. */
export const chainedColumns = `e.sequence::text AS sequence,
  to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
  e.action, e.outcome, e.actor, e.target, e.request_id AS "requestId", e.detail`;

type SealedRow = { position: string; hash: Buffer; sealed_sequence: string } & {
  [column in keyof ChainedEvent]: ChainedEvent[column] | null;
};

/** The whole log in the order of the chain, then what is not chained yet; read a page at a time. */
export class PostgresAuditExport {
  constructor(private readonly database: PostgresDatabase) {}

  async *lines(): AsyncGenerator<ExportedLine> {
    let last = 0;
    for (;;) {
      const page = await this.#sealedAfter(last);
      for (const line of page) yield line;
      if (page.length < pageSize) break;
      last = Number(page.at(-1)?.position);
    }
    yield* this.#unsealed();
  }

  async #sealedAfter(position: number): Promise<ExportedLine[]> {
    const rows = await this.database.query<SealedRow>(
      `SELECT s.position::text AS position, s.hash, s.sequence::text AS sealed_sequence, ${chainedColumns}
         FROM audit_seal s LEFT JOIN audit_event e ON e.sequence = s.sequence
        WHERE s.position > $1 ORDER BY s.position LIMIT $2`,
      [position, pageSize],
    );
    return rows.map(({ position: at, hash, sealed_sequence: sequence, ...event }) => ({
      position: at,
      sequence,
      hash: hash.toString('hex'),
      event: event.sequence === null ? null : (event as ChainedEvent),
    }));
  }

  async *#unsealed(): AsyncGenerator<ExportedLine> {
    let last = '0';
    for (;;) {
      const events = await this.database.query<ChainedEvent & Record<string, unknown>>(
        `SELECT ${chainedColumns} FROM audit_event e
          WHERE e.sequence > $1 AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.sequence = e.sequence)
          ORDER BY e.sequence LIMIT $2`,
        [last, pageSize],
      );
      for (const event of events)
        yield { position: null, sequence: event.sequence, hash: null, event };
      if (events.length < pageSize) return;
      last = events.at(-1)?.sequence ?? last;
    }
  }
}
