import { afterAll, beforeAll, expect, it } from 'vitest';
import { sealedColumns } from '../../../../migrations/sealed-columns.js';
import { sealedColumnsInOrder } from './postgres-sealed-columns.js';
import { RotationFixture } from './rotation-fixture.js';

/** SHA-256 sums, and what sealing itself keeps. */
const notSealed = [
  'access_token.sha256',
  'audit_seal.hash',
  'client_session.code_hash',
  'client_session_refresh.hash',
  'interaction_link.hash',
  'login_attempt.browser_hash',
  'login_attempt.state_hash',
  'scim_token.hash',
  'sign_in.browser_hash',
  'sign_in.session_hash',
  'sign_in.state_hash',
  'upstream_authorization.browser_hash',
  'upstream_authorization.session_hash',
  'upstream_authorization.state_hash',
  'web_session.hash',
  'sealing_key.id',
  'sealing_key.wrapped',
  'sealing_key.canary',
];

let fixture: RotationFixture;

beforeAll(async () => {
  fixture = await RotationFixture.start();
});
afterAll(() => fixture.stop());

it('row 37, stolen backup: every bytea column is one that rotation covers, or a hash that needs none', async () => {
  const rows = await fixture.database.query<{ name: string }>(
    `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
      WHERE table_schema = current_schema() AND data_type = 'bytea'`,
  );
  const known = new Set<string>([...sealedColumns, ...notSealed]);
  expect(
    rows.map(({ name }) => name).filter((name) => !known.has(name)),
    'add the column to migrations/sealed-columns.ts and rotation/postgres-sealed-columns.ts, or to the hashes here',
  ).toEqual([]);
});

it('what the fence guards and what rotation covers are the same columns', () => {
  const covered = sealedColumnsInOrder.map(({ name }) => name);
  expect(covered.filter((name) => name !== 'login_attempt.return_to').toSorted()).toEqual(
    sealedColumns.toSorted(),
  );
});

it('before every sealed column stands the fence against keys that are retired', async () => {
  const rows = await fixture.database.query<{ name: string }>(
    `SELECT event_object_table || '.' || substr(trigger_name, length('sealed_by_living_key_') + 1) AS name
       FROM information_schema.triggers WHERE trigger_name LIKE 'sealed\\_by\\_living\\_key\\_%'`,
  );
  expect([...new Set(rows.map(({ name }) => name))].toSorted()).toEqual(sealedColumns.toSorted());
});
