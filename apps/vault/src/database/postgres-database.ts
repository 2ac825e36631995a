import { Pool, type PoolClient, type QueryResultRow } from 'pg';
import type { Database, Transaction } from './database.js';

/**
 * Rows of one statement. Statements are SQL readable in place, parameters `$1…`. A `name` keeps its plan in each
 * connection: for the few that every exchange runs, whose best plan does not depend on the parameters.
 */
export type Query = <Row extends QueryResultRow>(
  sql: string,
  parameters?: readonly unknown[],
  name?: string,
) => Promise<Row[]>;

const queries = new WeakMap<Transaction, Query>();

/** The `query` of a running transaction; for `postgres-*.ts` files only. */
export function queryOf(tx: Transaction): Query {
  const query = queries.get(tx);
  if (!query) throw new Error('The transaction is over.');
  return query;
}

/**
 * A pool of its own per purpose, so that background work cannot starve reads. `purpose` is the
 * application name that an operator sees in pg_stat_activity.
 */
export class PostgresDatabase implements Database {
  readonly #pool: Pool;

  constructor(options: { url: string; purpose: string; maxConnections: number }) {
    this.#pool = new Pool({
      connectionString: options.url,
      max: options.maxConnections,
      application_name: `symbolon-vault-${options.purpose}`,
      connectionTimeoutMillis: 5_000,
      idleTimeoutMillis: 60_000,
      statement_timeout: 15_000,
      idle_in_transaction_session_timeout: 30_000,
    });
    // A pooled connection that dies while idle is replaced at the next query; nothing to do but not to crash.
    this.#pool.on('error', () => undefined);
    // The same for one in use: its query fails and says so; unheard, the event would end the process.
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** One statement outside any transaction. */
  readonly query: Query = async <Row extends QueryResultRow>(
    sql: string,
    parameters: readonly unknown[] = [],
    name?: string,
  ) => (await this.#pool.query<Row>({ text: sql, values: [...parameters], name })).rows;

  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    const tx = Object.freeze({}) as Transaction;
    queries.set(tx, queryOn(client));
    let broken: Error | undefined;
    try {
      await client.query('BEGIN');
      const result = await work(tx);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch((failure: Error) => (broken = failure));
      throw error;
    } finally {
      queries.delete(tx);
      client.release(broken);
    }
  }

  async statement<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const tx = Object.freeze({}) as Transaction;
    queries.set(tx, (...statement) => {
      queries.delete(tx);
      return this.query(...statement);
    });
    try {
      return await work(tx);
    } finally {
      queries.delete(tx);
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}

function queryOn(client: PoolClient): Query {
  return async <Row extends QueryResultRow>(
    sql: string,
    parameters: readonly unknown[] = [],
    name?: string,
  ) => (await client.query<Row>({ text: sql, values: [...parameters], name })).rows;
}
