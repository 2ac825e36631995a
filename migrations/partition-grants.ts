import { Client } from 'pg';
import { migrationLock } from './migration-lock.js';
import { type Piece, tablePieces } from './table-pieces.js';

export interface PartitionReport {
  readonly partitions: number;
  /** False where the tables had these partitions already: nothing was done. */
  readonly done: boolean;
  /** Rows that were moved. */
  readonly grants: number;
  readonly tokens: number;
  /** For how long nothing else could read or write them. */
  readonly lockedMs: number;
}

interface Table {
  readonly name: string;
  /** By whose hash a row finds its partition. */
  readonly by: readonly string[];
}

const grants: Table = { name: 'user_grant', by: ['issuer_id', 'subject'] };
const tokens: Table = { name: 'access_token', by: ['grant_id'] };

/**
 * Makes hash partitions of `user_grant` (by person) and `access_token` (by grant), in one transaction that locks
 * both: all rows move, or none. Indexes, constraints, triggers and privileges come along, read from the catalogue, so
 * that nothing here need know which migrations ran. Run it on a schema that is up to date.
 */
export async function partitionGrants(url: string, partitions: number): Promise<PartitionReport> {
  const client = new Client({ connectionString: url, application_name: 'symbolon-partition' });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [migrationLock]);
    const present = await partitionsOf(client, grants.name);
    if (present === partitions)
      return { partitions, done: false, grants: 0, tokens: 0, lockedMs: 0 };
    if (present > 0)
      throw new Error(`user_grant has ${present} partitions; their number cannot be changed here.`);
    return await move(client, partitions);
  } finally {
    await client.end();
  }
}

async function partitionsOf(client: Client, table: string): Promise<number> {
  const { rows } = await client.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM pg_inherits WHERE inhparent = $1::regclass',
    [table],
  );
  return rows[0]?.n ?? 0;
}

async function move(client: Client, partitions: number): Promise<PartitionReport> {
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL maintenance_work_mem = '256MB'`);
    await client.query('LOCK TABLE user_grant, access_token IN ACCESS EXCLUSIVE MODE');
    const started = performance.now();
    const pieces = {
      grants: await tablePieces(client, grants.name),
      tokens: await tablePieces(client, tokens.name),
    };
    const moved = {
      grants: await copy(client, grants, partitions),
      tokens: await copy(client, tokens, partitions),
    };
    // The tokens first: they refer to the grants.
    await replace(client, tokens, pieces.tokens);
    await replace(client, grants, pieces.grants);
    for (const statement of together) await client.query(statement);
    await client.query('COMMIT');
    const lockedMs = Math.round(performance.now() - started);
    await client.query('ANALYZE user_grant, access_token');
    return { partitions, done: true, ...moved, lockedMs };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** All rows into partitions of a new table beside the old one; how many they are. */
async function copy(client: Client, { name, by }: Table, partitions: number): Promise<number> {
  const fresh = `${name}_partitioned`;
  await client.query(
    `CREATE TABLE ${fresh} (LIKE ${name} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED
       INCLUDING IDENTITY INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS)
     PARTITION BY HASH (${by.join(', ')})`,
  );
  const settings = await storageParameters(client, name);
  for (let n = 0; n < partitions; n += 1)
    await client.query(
      `CREATE TABLE ${name}_p${n} PARTITION OF ${fresh}
         FOR VALUES WITH (MODULUS ${partitions}, REMAINDER ${n})${settings}`,
    );
  const columns = await writableColumns(client, name);
  const { rowCount } = await client.query(
    `INSERT INTO ${fresh} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM ${name}`,
  );
  const { rows } = await client.query<{ n: number }>(`SELECT count(*)::float8 AS n FROM ${name}`);
  if (rowCount !== rows[0]?.n) throw new Error(`Not all rows of ${name} were moved.`);
  return rowCount;
}

async function storageParameters(client: Client, table: string): Promise<string> {
  const { rows } = await client.query<{ options: string | null }>(
    `SELECT array_to_string(reloptions, ', ') AS options FROM pg_class WHERE oid = $1::regclass`,
    [table],
  );
  const options = rows[0]?.options;
  return options ? ` WITH (${options})` : '';
}

async function writableColumns(client: Client, table: string): Promise<string> {
  const { rows } = await client.query<{ columns: string }>(
    `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns FROM pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
    [table],
  );
  return rows[0]?.columns ?? '';
}

/** The new table takes the name of the old one, and everything that stood on it. */
async function replace(
  client: Client,
  { name, by }: Table,
  pieces: readonly Piece[],
): Promise<void> {
  await client.query(`DROP TABLE ${name}`);
  await client.query(`ALTER TABLE ${name}_partitioned RENAME TO ${name}`);
  for (const piece of pieces) {
    const statement = piece.on(name, by);
    if (statement !== undefined) await client.query(statement);
  }
}

// A foreign key needs a unique id, which partitions by person cannot promise. A person that moves to another
// partition is deleted there and inserted here.
const together = [
  `CREATE FUNCTION access_token_goes_with_grant() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       DELETE FROM access_token WHERE grant_id = OLD.id AND NOT EXISTS (SELECT FROM user_grant WHERE id = OLD.id);
       RETURN NULL;
     END $$`,
  `CREATE TRIGGER access_token_goes_with_grant AFTER DELETE ON user_grant
     FOR EACH ROW EXECUTE FUNCTION access_token_goes_with_grant()`,
  `CREATE FUNCTION access_token_has_grant() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       IF NOT EXISTS (SELECT FROM user_grant WHERE id = NEW.grant_id) THEN
         RAISE foreign_key_violation USING MESSAGE = 'access_token without its user_grant';
       END IF;
       RETURN NULL;
     END $$`,
  `CREATE TRIGGER access_token_has_grant AFTER INSERT OR UPDATE OF grant_id ON access_token
     FOR EACH ROW EXECUTE FUNCTION access_token_has_grant()`,
];
