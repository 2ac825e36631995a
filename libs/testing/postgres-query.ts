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

/**
 * Every access token that a vault stores is over an hour ago. The due-scan is not told: the next caller is who
 * finds out.
 */
export async function expireAccessTokens(trial: { databaseUrl(): Promise<string> }): Promise<void> {
  await queryDatabase(
    await trial.databaseUrl(),
    `UPDATE access_token
        SET issued_at = issued_at - interval '1 hour', expires_at = expires_at - interval '1 hour'`,
  );
}
