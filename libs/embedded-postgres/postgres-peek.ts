import pg from 'pg';

export interface StoredGrant {
  /** The whole row of `user_grant`; `bytea` as `\x…`. */
  readonly grant: Readonly<Record<string, unknown>>;
  readonly accessTokens: readonly Readonly<Record<string, unknown>>[];
}

/** What the vault's database holds of one person's grants, as anybody sees it who can read the disk. */
export async function storedGrants(url: string, subject: string): Promise<readonly StoredGrant[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ row: StoredGrant }>(
      `SELECT json_build_object('grant', to_json(g), 'accessTokens',
                (SELECT coalesce(json_agg(to_json(t)), '[]') FROM access_token t WHERE t.grant_id = g.id)) AS row
         FROM user_grant g WHERE g.subject = $1 ORDER BY g.created_at`,
      [subject],
    );
    return rows.map(({ row }) => row);
  });
}

/** Every row of every table as text, by table. */
export async function dumpTables(url: string): Promise<ReadonlyMap<string, string>> {
  return withClient(url, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
    );
    const dump = new Map<string, string>();
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      dump.set(name, rows.map(({ row }) => row).join('\n'));
    }
    return dump;
  });
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
