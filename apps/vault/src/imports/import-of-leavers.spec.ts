import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogger } from '#lib/observability/logger';
import { sendJson } from '#lib/testing/local-server';
import { PostgresAuditLog } from '../audit/postgres-audit-log.js';
import { PostgresAdvisoryLocks } from '../database/postgres-advisory-locks.js';
import { GrantsFixture } from '../grants/grants-fixture.js';
import { RequestSlots } from '../providers/request-slots.js';
import { ImportGrant } from './import-grant.js';
import { ImportGrants } from './import-grants.js';

let fixture: GrantsFixture;
let locks: PostgresAdvisoryLocks;
let imports: ImportGrants;

beforeEach(async () => {
  fixture = await GrantsFixture.start();
  locks = new PostgresAdvisoryLocks(fixture.fresh.vaultUrl);
  const { database, grants, store, consents, providers, registry } = await fixture.replica();
  const one = new ImportGrant({
    ...{ database, grants, store, consents, providers, locks },
    slots: new RequestSlots(locks),
    audit: new PostgresAuditLog(),
  });
  const destination = { write: (line: string) => void fixture.log.push(line) };
  imports = new ImportGrants(
    registry,
    one,
    createLogger({ app: 'vault', level: 'trace', destination }),
  );
});
afterEach(async () => {
  await locks.close();
  await fixture.stop();
});

async function leave(): Promise<void> {
  await fixture.database.query(
    `INSERT INTO leaver (issuer_id, issuer, subject, source, ordered_by, request_id, audit_after)
     VALUES ($1, 'corporate', 'alice', 'admin', '{"kind":"admin"}', 'req_0', 0)`,
    [fixture.keyOf('alice').issuerId],
  );
}

/** Alice's refresh token of another system. */
async function importAlice() {
  const about = { subject: 'up-alice', clientId: 'vault-at-snow', scope: 'offline_access read' };
  const family = fixture.server.families.start(about);
  const item = {
    ...{ issuer: 'corporate', subject: 'alice', oauthClient: 'snowid', upstream: 'snowdemo' },
    refreshToken: fixture.server.families.issue(family),
    scopes: ['offline_access', 'read'],
  };
  const by = { actor: { kind: 'admin', subject: 'root' }, requestId: 'req_1' } as const;
  const { results } = await imports.import([item], by, { dryRun: false });
  return { family, result: results[0] };
}

test('a person who left is refused before the provider is asked', async () => {
  await leave();
  const { result } = await importAlice();
  expect(result).toMatchObject({ status: 'refused' });
  expect(fixture.server.count('token')).toBe(0);
});

test('a person who leaves while the provider answers is refused, and the new token ends there', async () => {
  fixture.server.script('token', async (response, ordinary) => {
    const { status, body } = await ordinary();
    await leave();
    sendJson(response, status, body);
  });
  const { result, family } = await importAlice();
  expect(result).toMatchObject({ status: 'refused' });
  expect(family.revoked).toBe(true);
  expect(await fixture.database.query('SELECT id FROM user_grant')).toEqual([]);
});
