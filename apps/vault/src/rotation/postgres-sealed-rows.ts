import type { Transaction } from '../database/database.js';
import { queryOf } from '../database/postgres-database.js';
import type { PageRow, Resealed, RowPosition, SealedColumn } from './postgres-sealed-column.js';

/** Reads and replaces sealed values within a transaction. */
export class PostgresSealedRows {
  page(
    tx: Transaction,
    column: SealedColumn,
    from: {
      readonly after: RowPosition | undefined;
      readonly primary: Buffer;
      readonly limit: number;
    },
  ): Promise<PageRow[]> {
    return column.page(queryOf(tx), from);
  }

  replace(tx: Transaction, column: SealedColumn, rows: readonly Resealed[]): Promise<number> {
    return column.replace(queryOf(tx), rows);
  }
}
