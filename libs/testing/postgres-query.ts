import pg from 'pg';

/** One statement on a connection of its own: what a test does to a database behind the product's back. */
export async function queryDatabase<Row>(
  url: string,
  statement: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement, [...values])).rows as Row[];
  } finally {
    await client.end();
  }
}
