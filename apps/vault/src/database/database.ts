declare const transactionBrand: unique symbol;

/** A running transaction. Opaque: only `postgres-*.ts` can look inside (see `queryOf`). */
export interface Transaction {
  readonly [transactionBrand]: true;
}

/** What features know of the database. */
export interface Database {
  /** Runs `work` in one transaction; commits when it resolves, rolls back when it rejects. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Work of exactly one statement, which commits by itself: one round trip instead of three. */
  statement<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
}
