import pg from 'pg';

/** Rows per second that bare `pg` reads by primary key over a pool: what a vault's exchange is compared with. */
export async function selectRate(
  url: string,
  ids: readonly string[],
  run: { readonly connections: number; readonly seconds: number },
): Promise<number> {
  const pool = new pg.Pool({ connectionString: url, max: run.connections });
  const startedMs = performance.now();
  const endMs = startedMs + run.seconds * 1000;
  let done = 0;
  const read = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const id = ids[done % ids.length];
      const { rows } = await pool.query('SELECT * FROM access_token WHERE grant_id = $1', [id]);
      if (rows.length === 0) throw new Error('the row that was asked for is not there');
      done += 1;
    }
  };
  try {
    await Promise.all(Array.from({ length: run.connections }, read));
    return done / ((performance.now() - startedMs) / 1000);
  } finally {
    await pool.end();
  }
}
