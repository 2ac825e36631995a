import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ensureLogin, urlOf } from '#lib/embedded-postgres/postgres-login-role';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import { queryDatabase } from '#lib/testing/postgres-query';
import { grantVaultRole } from './vault-role.js';

let fresh: FreshDatabase;
let role: string;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  fresh = await freshDatabase();
  role = `symbolon_vault_${randomBytes(6).toString('hex')}`;
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await queryDatabase(fresh.url, `DROP OWNED BY ${role}`).catch(() => undefined);
  await fresh.drop();
  await queryDatabase(serverOf(fresh.url), `DROP ROLE IF EXISTS ${role}`);
});

function serverOf(url: string): string {
  const address = new URL(url);
  address.pathname = '/postgres';
  return address.href;
}

async function sqlAt(url: string) {
  const client = new Client({ connectionString: url });
  await client.connect();
  closing.push(() => client.end());
  return async (sql: string): Promise<unknown> => (await client.query(sql)).rows;
}

const privileges = async (table: string) => {
  const [found] = await queryDatabase<{ may: string[] | null }>(
    fresh.url,
    `SELECT array_agg(privilege_type::text ORDER BY privilege_type) AS may
       FROM information_schema.role_table_grants WHERE grantee = $1 AND table_name = $2`,
    [role, table],
  );
  return found?.may;
};

const addable = async (table: string, privilege = 'INSERT') => {
  const columns = await queryDatabase<{ name: string }>(
    fresh.url,
    `SELECT column_name AS name FROM information_schema.column_privileges
      WHERE grantee = $1 AND table_name = $2 AND privilege_type = $3 ORDER BY 1`,
    [role, table, privilege],
  );
  return columns.map(({ name }) => name);
};

it('every table may be written but the audit log, which may only be added to, and what was migrated', async () => {
  const run = await sqlAt(fresh.url);
  expect(await grantVaultRole(run, role)).toEqual({});
  expect(await grantVaultRole(run, role)).toEqual({});
  expect(await privileges('user_grant')).toEqual(['DELETE', 'INSERT', 'SELECT', 'UPDATE']);
  expect(await privileges('audit_event')).toEqual(['SELECT']);
  expect(await addable('audit_event')).toEqual([
    'action',
    'actor',
    'detail',
    'outcome',
    'request_id',
    'target',
  ]);
  expect(await privileges('audit_seal')).toEqual(['SELECT']);
  expect(await addable('audit_seal')).toEqual(['hash', 'position', 'sequence', 'settled']);
  expect(await privileges('migrations')).toEqual(['SELECT']);
});

it('a grant that somebody added to the audit log is taken back by the next migration', async () => {
  const run = await sqlAt(fresh.url);
  await grantVaultRole(run, role);
  await run(`GRANT INSERT, UPDATE, DELETE, INSERT (at), UPDATE (detail) ON audit_event TO ${role}`);
  await grantVaultRole(run, role);
  expect(await privileges('audit_event')).toEqual(['SELECT']);
  expect(await addable('audit_event')).not.toContain('at');
  expect(await addable('audit_event', 'UPDATE')).toEqual([]);
});

it('a user that may not make roles is told the SQL, and goes on once the role is there', async () => {
  const owner = { name: `${role}_owner`, password: 'owner' };
  await queryDatabase(fresh.url, `CREATE ROLE ${owner.name} LOGIN`);
  closing.push(() => queryDatabase(fresh.url, `DROP ROLE ${owner.name}`));
  await queryDatabase(fresh.url, `ALTER ROLE ${owner.name} PASSWORD 'owner'`);
  await queryDatabase(fresh.url, `GRANT CREATE ON SCHEMA public TO ${owner.name}`);
  closing.push(() => queryDatabase(fresh.url, `DROP OWNED BY ${owner.name} CASCADE`));
  const run = await sqlAt(urlOf(fresh.url, owner));
  await run('CREATE TABLE mine (n int)');
  const { byHand } = await grantVaultRole(run, role);
  expect(byHand).toContain(`CREATE ROLE ${role} NOLOGIN;`);
  expect(byHand).toContain('Run once as an administrator');
  await queryDatabase(fresh.url, `CREATE ROLE ${role} NOLOGIN`);
  expect(await grantVaultRole(run, role)).toEqual({});
  expect(await privileges('mine')).toEqual(['DELETE', 'INSERT', 'SELECT', 'UPDATE']);
  expect(await privileges('user_grant')).toBeNull();
});

it('migrations of several databases of one server may make the role at once', async () => {
  const others = await Promise.all([freshDatabase(), freshDatabase(), freshDatabase()]);
  closing.push(() => Promise.all(others.map((other) => other.drop())));
  const runs = await Promise.all(others.map(({ url }) => sqlAt(url)));
  expect(await Promise.all(runs.map((run) => grantVaultRole(run, role)))).toEqual([{}, {}, {}]);
});

it('a login gets its rights by being a member, and its password anew when it is asked for again', async () => {
  await grantVaultRole(await sqlAt(fresh.url), role);
  const name = `${role}_login`;
  closing.push(() => queryDatabase(serverOf(fresh.url), `DROP ROLE ${name}`));
  await ensureLogin(fresh.url, { name, password: 'first', memberOf: role });
  await ensureLogin(fresh.url, { name, password: 'second', memberOf: role });
  const url = urlOf(fresh.url, { name, password: 'second' });
  expect(await queryDatabase(url, 'SELECT count(*)::int AS n FROM user_grant')).toEqual([{ n: 0 }]);
  await expect(queryDatabase(url, 'DELETE FROM audit_event')).rejects.toThrow('permission denied');
});
