import type { Query } from '../database/postgres-database.js';
import type { SealedPlace } from '../sealing/sealer.js';

/** The primary key of a row, in the order of the key's columns, as text. */
export type RowPosition = readonly string[];

/** A row of one page; `sealed` only where another key than the primary sealed it. */
export interface PageRow {
  readonly position: string[];
  readonly sealed: Buffer | null;
  readonly place: SealedPlace;
}

export interface Resealed {
  readonly position: RowPosition;
  readonly stale: Buffer;
  readonly fresh: Buffer;
}

type KeyType = 'uuid' | 'text' | 'smallint' | 'bytea';

export interface SealedColumnForm<Fields> {
  readonly table: string;
  readonly column: string;
  readonly key: readonly (readonly [column: string, type: KeyType])[];
  /** What `placeOf` needs, as columns of `t` or of what is joined to it. */
  readonly fields: string;
  readonly join?: string;
  placeOf(fields: Fields): SealedPlace;
  /** Where the message is not the column itself. */
  readonly message?: { readonly read: string; write(fresh: string): string };
}

/** One column that holds sealed messages: how its rows are read in order, and replaced. */
export interface SealedColumn {
  /** `table.column`. */
  readonly name: string;
  /** The rows after a position, in the order of the primary key. */
  page(
    query: Query,
    from: {
      readonly after: RowPosition | undefined;
      readonly primary: Buffer;
      readonly limit: number;
    },
  ): Promise<PageRow[]>;
  /**
   * Replaces what is still as it was read; a row that somebody is writing is left to the next pass, so that nobody is
   * waited for and nothing newer is overwritten. Answers how many were replaced.
   */
  replace(query: Query, rows: readonly Resealed[]): Promise<number>;
}

export function sealedColumn<Fields>(form: SealedColumnForm<Fields>): SealedColumn {
  const { table, column, key, fields, join = '' } = form;
  const message = form.message ?? { read: `t.${column}`, write: (fresh: string) => fresh };
  const keyOf = key.map(([name]) => `t.${name}`).join(', ');
  const positionOf = key.map(([name, type]) => asText(`t.${name}`, type)).join(', ');
  return {
    name: `${table}.${column}`,
    page: async (query, { after, primary, limit }) => {
      const start = key.map(([, type], index) => fromText(`$${index + 3}`, type)).join(', ');
      const rows = await query<{ position: string[]; sealed: Buffer | null } & Fields>(
        `SELECT ARRAY[${positionOf}] AS position, ${fields},
                CASE WHEN substring(${message.read} FROM 3 FOR 16) <> $1 THEN ${message.read} END AS sealed
           FROM ${table} t ${join}
          ${after === undefined ? '' : `WHERE (${keyOf}) > (${start})`}
          ORDER BY ${keyOf} LIMIT $2`,
        [primary, limit, ...(after ?? [])],
      );
      return rows.map((row) => ({
        position: row.position,
        sealed: row.sealed,
        place: form.placeOf(row),
      }));
    },
    replace: async (query, rows) => {
      if (rows.length === 0) return 0;
      const names = key.map((_, index) => `k${index}`);
      const casts = key.map(([, type], index) => `${fromText(`k${index}`, type)} AS k${index}`);
      const same = key.map(([name], index) => `t.${name} = n.k${index}`).join(' AND ');
      const arrays = key.map((_, index) => `$${index + 3}::text[]`).join(', ');
      const done = await query(
        `WITH n AS (
           SELECT stale, fresh, ${casts.join(', ')}
             FROM unnest($1::bytea[], $2::bytea[], ${arrays}) AS u (stale, fresh, ${names.join(', ')})),
         same AS (
           SELECT n.* FROM ${table} t JOIN n ON ${same}
            WHERE ${message.read} = n.stale FOR NO KEY UPDATE OF t SKIP LOCKED)
         UPDATE ${table} t SET ${column} = ${message.write('n.fresh')} FROM same n WHERE ${same} RETURNING 1`,
        [
          rows.map(({ stale }) => stale),
          rows.map(({ fresh }) => fresh),
          ...key.map((_, index) => rows.map(({ position }) => position[index])),
        ],
      );
      return done.length;
    },
  };
}

function asText(expression: string, type: KeyType): string {
  return type === 'bytea' ? `encode(${expression}, 'hex')` : `${expression}::text`;
}

function fromText(expression: string, type: KeyType): string {
  return type === 'bytea' ? `decode(${expression}, 'hex')` : `${expression}::${type}`;
}
