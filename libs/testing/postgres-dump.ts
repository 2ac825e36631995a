import pg from 'pg';

/**
 * Every row of every table as text, to search for what must not be there: bytea as hexadecimal and as the
 * characters that its bytes would be, the rest as JSON.
 */
export async function databaseDump(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
    );
    const lines: string[] = [];
    for (const { name } of rows) lines.push(`-- ${name}`, ...(await rowsOf(client, name)));
    return lines.join('\n');
  } finally {
    await client.end();
  }
}

async function rowsOf(client: pg.Client, table: string): Promise<string[]> {
  const { rows } = await client.query<Record<string, unknown>>(`SELECT * FROM ${table}`);
  return rows.flatMap((row) => Object.values(row).map(asText));
}

function asText(value: unknown): string {
  if (!Buffer.isBuffer(value)) return JSON.stringify(value);
  return `${value.toString('hex')} ${value.toString('latin1')} ${value.toString('utf8')}`;
}
