import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import { partitionGrants } from './partition-grants.js';
import { pendingMigrations, runMigrations } from './run.js';

let fresh: FreshDatabase;
let client: Client;

beforeEach(async () => {
  fresh = await freshDatabase();
  client = new Client({ connectionString: fresh.url });
  await client.connect();
  await fill(200);
});
afterEach(async () => {
  await client.end();
  await fresh.drop();
});

const rows = async <Row extends object = Record<string, unknown>>(sql: string) =>
  (await client.query<Row>(sql)).rows;

async function fill(people: number): Promise<void> {
  await client.query(
    `INSERT INTO registry_resource (collection, slug, document) VALUES
       ('issuers', 'corporate', '{"issuer": "https://idp.example.com"}'), ('oauth-clients', 'snowid', '{}')`,
  );
  // Triggers that fence sealed columns know living keys only; here nothing is sealed.
  await client.query(`SET session_replication_role = replica`);
  await client.query(
    `INSERT INTO user_grant (issuer_id, subject, oauth_client_id, partition, status, requested_scopes,
                             granted_scopes, refresh_token, refresh_after, last_used_at)
     SELECT i.id, 'person-' || n, o.id, '', 'active', '{a,b}', '{a}', sha256(n::text::bytea), now(), now()
       FROM registry_resource i, registry_resource o, generate_series(1, ${people}) n
      WHERE i.slug = 'corporate' AND o.slug = 'snowid'`,
  );
  await client.query(
    `INSERT INTO access_token (grant_id, sealed, sha256, issued_at, expires_at)
     SELECT id, sha256(subject::bytea), sha256(subject::bytea), now(), now() + interval '1 hour' FROM user_grant`,
  );
  await client.query(`SET session_replication_role = origin`);
}

const contents = () =>
  rows(
    `SELECT (SELECT md5(string_agg(g::text, E'\\n' ORDER BY g.id)) FROM user_grant g) AS grants,
            (SELECT md5(string_agg(t::text, E'\\n' ORDER BY t.grant_id)) FROM access_token t) AS tokens`,
  );

/** What the catalogue says of both tables, partitions left out. */
const furniture = () =>
  rows(
    `SELECT r.relname AS table,
            (SELECT array_agg(indexrelid::regclass::text ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid = r.oid) AS indexes,
            (SELECT array_agg(tgname::text ORDER BY tgname) FROM pg_trigger WHERE tgrelid = r.oid AND NOT tgisinternal
                AND tgname NOT IN ('access_token_goes_with_grant','access_token_has_grant')) AS triggers,
            (SELECT array_agg(conname::text ORDER BY conname) FROM pg_constraint
              WHERE conrelid = r.oid AND conparentid = 0 AND conname <> 'access_token_grant_id_fkey') AS constraints,
            (SELECT array_agg(a::text ORDER BY a::text) FROM aclexplode(r.relacl) a) AS privileges,
            pg_get_userbyid(r.relowner) AS owner
       FROM pg_class r WHERE r.oid IN ('user_grant'::regclass, 'access_token'::regclass) ORDER BY 1`,
  );

test('every row is there afterwards, in its partition, with all that stood on the tables', async () => {
  const before = { contents: await contents(), furniture: await furniture() };
  const report = await partitionGrants(fresh.url, 4);
  expect(report).toMatchObject({ partitions: 4, done: true, grants: 200, tokens: 200 });
  expect({ contents: await contents(), furniture: await furniture() }).toEqual(before);
  const spread = await rows<{ n: number }>(
    'SELECT count(*)::int AS n FROM user_grant GROUP BY tableoid',
  );
  expect(spread).toHaveLength(4);
  const settings = await rows<{ reloptions: string[] }>(
    `SELECT reloptions FROM pg_class WHERE relname = 'user_grant_p0'`,
  );
  expect(settings[0]?.reloptions).toContain('fillfactor=85');
});

test('a person has one grant of an oauth client, in whichever partition', async () => {
  await partitionGrants(fresh.url, 4);
  const again = client.query(
    `INSERT INTO user_grant (issuer_id, subject, oauth_client_id, partition, status, requested_scopes, granted_scopes)
     SELECT issuer_id, subject, oauth_client_id, partition, status, '{}', '{}' FROM user_grant WHERE subject = 'person-7'`,
  );
  await expect(again).rejects.toThrow(/unique/);
});

test('tokens go with their grant, stay when its person moves, and cannot be without one', async () => {
  await partitionGrants(fresh.url, 4);
  const tokens = async () =>
    (await rows<{ n: number }>('SELECT count(*)::int AS n FROM access_token'))[0]?.n;
  await client.query(`UPDATE user_grant SET subject = 'moved-' || subject, refresh_token = NULL`);
  expect(await tokens()).toBe(200);
  await client.query(`DELETE FROM user_grant WHERE subject = 'moved-person-7'`);
  expect(await tokens()).toBe(199);
  const orphan = client.query(
    `INSERT INTO access_token (grant_id, sealed, sha256, issued_at) VALUES (gen_random_uuid(), '', '', now())`,
  );
  await expect(orphan).rejects.toThrow();
});

test('the schema is current afterwards, and migrations that come later work', async () => {
  await partitionGrants(fresh.url, 4);
  expect(await pendingMigrations((sql) => rows(sql) as never)).toEqual([]);
  expect((await runMigrations(fresh.url)).applied).toEqual([]);
  for (const statement of [
    `ALTER TABLE user_grant ADD COLUMN later text NOT NULL DEFAULT 'now' CHECK (later <> '')`,
    `CREATE INDEX user_grant_later ON user_grant (later) WHERE status = 'active'`,
    `UPDATE user_grant SET later = subject`,
    `ALTER TABLE user_grant ALTER COLUMN later DROP DEFAULT, DROP CONSTRAINT user_grant_status_check`,
    `ALTER TABLE access_token ADD COLUMN grown int, ADD FOREIGN KEY (grant_id, resource, scopes) REFERENCES access_token`,
    `DROP INDEX user_grant_due_by_client`,
    `CREATE INDEX user_grant_due_by_client ON user_grant (oauth_client_id, refresh_after)
       WHERE status IN ('active','refreshing') AND refresh_after IS NOT NULL`,
    `ALTER TABLE user_grant DROP COLUMN later`,
  ])
    await client.query(statement);
  expect(await rows('SELECT FROM user_grant')).toHaveLength(200);
});

test('done twice it does nothing, and another number is refused', async () => {
  await partitionGrants(fresh.url, 4);
  expect(await partitionGrants(fresh.url, 4)).toMatchObject({ done: false });
  await expect(partitionGrants(fresh.url, 8)).rejects.toThrow('cannot be changed');
});

test('what cannot be kept stops it, and everything is as it was', async () => {
  await client.query('CREATE TABLE stranger (grant_id uuid REFERENCES user_grant)');
  const before = { contents: await contents(), furniture: await furniture() };
  await expect(partitionGrants(fresh.url, 4)).rejects.toThrow('stranger refers to user_grant');
  expect({ contents: await contents(), furniture: await furniture() }).toEqual(before);
  expect(await rows(`SELECT FROM pg_class WHERE relname ~ '^user_grant_p[0-9]'`)).toEqual([]);
});
