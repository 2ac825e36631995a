import type { Client } from 'pg';

/** Something that stands on a table, in the statement that makes it anew; undefined where it cannot come along. */
export interface Piece {
  on(table: string, partitionedBy: readonly string[]): string | undefined;
}

interface Constraint {
  readonly name: string;
  readonly kind: 'p' | 'u' | 'f' | 'x' | 't';
  readonly definition: string;
  readonly columns: readonly string[];
}

/**
 * What the catalogue says of a table beyond its columns, checks and defaults: keys, indexes, triggers, privileges,
 * owner. Refuses what partitions cannot keep: foreign keys of other tables to this one.
 */
export async function tablePieces(client: Client, table: string): Promise<readonly Piece[]> {
  await refuseReferences(client, table);
  const constraints = await rowsOf<Constraint>(client, constraintsSql, table);
  const statements = await rowsOf<{ statement: string }>(client, statementsSql, table);
  return [
    ...constraints.map((constraint) => ({
      on: (name: string, by: readonly string[]) => constraintStatement(constraint, name, by),
    })),
    ...statements.map(({ statement }) => ({ on: () => statement })),
  ];
}

async function rowsOf<Row extends object>(
  client: Client,
  sql: string,
  table: string,
): Promise<Row[]> {
  return (await client.query<Row>(sql, [table])).rows;
}

// The tokens' own reference is replaced by triggers.
async function refuseReferences(client: Client, table: string): Promise<void> {
  const references = await rowsOf<{ name: string; from: string }>(
    client,
    `SELECT conname AS name, conrelid::regclass::text AS from FROM pg_constraint
      WHERE contype = 'f' AND confrelid = $1::regclass AND conrelid <> 'access_token'::regclass`,
    table,
  );
  const [first] = references;
  if (first)
    throw new Error(
      `${first.from} refers to ${table} (${first.name}), which partitions cannot keep.`,
    );
}

function constraintStatement(
  { name, kind, definition, columns }: Constraint,
  table: string,
  by: readonly string[],
): string | undefined {
  const add = `ALTER TABLE ${table} ADD CONSTRAINT ${name}`;
  if (kind === 'f') return `${add} ${definition}`;
  const missing = by.filter((column) => !columns.includes(column));
  if (missing.length === 0) return `${add} ${definition}`;
  // Unique over all partitions is only what holds their key; a random id is unique by itself.
  if (kind === 'p') return `${add} PRIMARY KEY (${[...columns, ...missing].join(', ')})`;
  throw new Error(`${name} of ${table} cannot be kept: it lacks ${missing.join(', ')}.`);
}

const constraintsSql = `
  SELECT quote_ident(c.conname) AS name, c.contype AS kind, pg_get_constraintdef(c.oid) AS definition,
         ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, place)
                 JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
                ORDER BY k.place) AS columns
    FROM pg_constraint c
   WHERE c.conrelid = $1::regclass AND c.contype IN ('p','u','f','x')
     AND c.confrelid <> coalesce(to_regclass('user_grant'), 0)
   ORDER BY c.contype <> 'p', c.conname`;

const statementsSql = `
  SELECT pg_get_indexdef(i.indexrelid) AS statement FROM pg_index i
   WHERE i.indrelid = $1::regclass
     AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.conrelid = i.indrelid)
  UNION ALL
  SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE t.tgrelid = $1::regclass AND NOT t.tgisinternal
  UNION ALL
  SELECT format('ALTER TABLE %s OWNER TO %I', $1::regclass, pg_get_userbyid(relowner))
    FROM pg_class WHERE oid = $1::regclass
  UNION ALL
  SELECT format('GRANT %s ON %s TO %s', a.privilege_type, $1::regclass,
                CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
    FROM pg_class, aclexplode(relacl) a WHERE oid = $1::regclass AND a.grantee <> relowner`;
