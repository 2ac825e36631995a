import type { FaultStack } from '../test/faults/stack/fault-stack.js';

/** Bytes of sealed tokens in a filled row, as large providers make them: a kilobyte to refresh, a JWT to access. */
export const refreshTokenBytes = 1_024;
export const accessTokenBytes = 1_536;

const atOnce = 100_000;

/**
 * Grants of other people beside those that are there, the `from`th to the `to`th, with an access token and a consent
 * each. Their tokens are noise: they are never due while this runs.
 */
export async function fillGrants(stack: FaultStack, from: number, to: number): Promise<void> {
  for (let next = from; next < to; next += atOnce)
    await stack.sql(filling(next, Math.min(next + atOnce, to)));
  await stack.sql('VACUUM ANALYZE user_grant');
  await stack.sql('VACUUM ANALYZE access_token');
  await stack.sql('VACUUM ANALYZE client_consent');
}

// The fence before sealed columns asks for a living key, which noise does not have.
function filling(from: number, to: number): string {
  return `
    SET session_replication_role = replica;
    WITH sample AS (
      SELECT g.issuer_id, g.oauth_client_id, g.partition, g.upstream_subject, g.requested_scopes, g.granted_scopes
        FROM user_grant g LIMIT 1),
    grants AS (
      INSERT INTO user_grant (issuer_id, subject, oauth_client_id, partition, status, upstream_subject, upstream_account,
                              requested_scopes, granted_scopes, refresh_token, refresh_after, last_used_at)
      SELECT s.issuer_id, gen_random_uuid()::text, s.oauth_client_id, s.partition, 'active', gen_random_uuid()::text,
             'person-' || n || '@example.com', s.requested_scopes, s.granted_scopes, ${noise(refreshTokenBytes)},
             now() + interval '6 hours' + random() * interval '6 hours', now()
        FROM sample s, generate_series(${from + 1}, ${to}) n
      RETURNING id, issuer_id, subject, partition, requested_scopes),
    tokens AS (
      INSERT INTO access_token (grant_id, sealed, sha256, issued_at, expires_at)
      SELECT id, ${noise(accessTokenBytes)}, sha256(id::text::bytea), now(), now() + interval '12 hours' FROM grants)
    INSERT INTO client_consent (issuer_id, subject, application, consumer, upstream_id, scopes, expires_at)
    SELECT issuer_id, subject, 'assistant', 'gateway', partition::uuid, requested_scopes, now() + interval '180 days'
      FROM grants`;
}

function noise(bytes: number): string {
  return `decode(repeat(md5(random()::text), ${bytes / 16}), 'hex')`;
}

export interface Size {
  readonly table: string;
  readonly rows: number;
  /** Bytes. */
  readonly heap: number;
  readonly indexes: number;
}

export function sizesOf(stack: FaultStack, tables: readonly string[]): Promise<readonly Size[]> {
  return stack.sql<Size>(
    `SELECT t AS table, sum(c.reltuples)::float8 AS rows, sum(pg_table_size(c.oid))::float8 AS heap,
            sum(pg_indexes_size(c.oid))::float8 AS indexes
       FROM unnest($1::text[]) WITH ORDINALITY AS w (t, place)
       JOIN pg_class c ON c.oid = t::regclass OR c.oid IN (
        SELECT inhrelid FROM pg_inherits WHERE inhparent = t::regclass)
      WHERE c.relkind = 'r' GROUP BY t, place ORDER BY place`,
    [tables],
  );
}
