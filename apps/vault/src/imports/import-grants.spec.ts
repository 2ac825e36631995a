import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '#lib/observability/logger';
import { sendJson } from '#lib/testing/local-server';
import { dropAfterWork, slow, status } from '#lib/testing/scripted-answer';
import { PostgresAdvisoryLocks } from '../database/postgres-advisory-locks.js';
import { PostgresAuditLog } from '../audit/postgres-audit-log.js';
import { GrantsFixture } from '../grants/grants-fixture.js';
import type { GrantsReplica } from '../grants/grants-replica-fixture.js';
import { RequestSlots } from '../providers/request-slots.js';
import { ImportGrant } from './import-grant.js';
import { ImportGrants, type ImportReport } from './import-grants.js';

let fixture: GrantsFixture;
let vault: GrantsReplica;
let locks: PostgresAdvisoryLocks;
let imports: ImportGrants;

beforeEach(async () => {
  fixture = await GrantsFixture.start();
  vault = await fixture.replica();
  locks = new PostgresAdvisoryLocks(fixture.fresh.vaultUrl);
  imports = importsAt(vault, locks);
});
afterEach(async () => {
  await locks.close();
  await fixture.stop();
});

function importsAt(replica: GrantsReplica, ownLocks: PostgresAdvisoryLocks): ImportGrants {
  const { database, grants, store, consents, providers, registry } = replica;
  const destination = { write: (line: string) => void fixture.log.push(line) };
  const logger = createLogger({ app: 'vault', level: 'trace', destination });
  const one = new ImportGrant({
    ...{ database, grants, store, consents, providers, locks: ownLocks },
    slots: new RequestSlots(ownLocks),
    audit: new PostgresAuditLog(),
  });
  return new ImportGrants(registry, one, logger);
}

const importer = { actor: { kind: 'admin', subject: 'root' }, requestId: 'req_1' } as const;

/** A refresh token as another system holds it. */
function tokenOf(subject: string): string {
  const about = {
    subject: `up-${subject}`,
    clientId: 'vault-at-snow',
    scope: 'offline_access read',
  };
  return fixture.server.families.issue(fixture.server.families.start(about));
}

function itemOf(subject: string, more: object = {}): Record<string, unknown> {
  return {
    ...{ issuer: 'corporate', subject, oauthClient: 'snowid', upstream: 'snowdemo' },
    refreshToken: tokenOf(subject),
    scopes: ['offline_access', 'read'],
    ...more,
  };
}

const run = (body: unknown, dryRun = false) => imports.import(body, importer, { dryRun });
const statuses = ({ results }: ImportReport) => results.map((result) => result.status);

describe('an import', () => {
  test('verifies each token by a refresh, stores the one that came, and the person is served', async () => {
    const items = ['alice', 'bob'].map((who) => itemOf(who));
    const report = await run(items);
    expect(report).toMatchObject({ dryRun: false, counts: { imported: 2 } });
    expect((await fixture.ask('alice', vault)).ok).toBe(true);
    await fixture.expire(report.results[0]?.grantId ?? '');
    expect((await fixture.ask('alice', vault)).ok).toBe(true);
    expect(fixture.server.count('token', 'refresh_token')).toBe(3);
    expect(fixture.server.families.all.every(({ revoked }) => !revoked)).toBe(true);
    const row = await fixture.row(report.results[0]?.grantId ?? '');
    expect(row).toMatchObject({ upstream_subject: 'up-alice', status: 'active' });
  });

  test('can be repeated: what is there is left alone, what failed is taken up', async () => {
    fixture.server.script('token', status(503));
    const items = [itemOf('alice')];
    expect(statuses(await run(items))).toEqual(['failed']);
    items.push(itemOf('bob'));
    expect(statuses(await run(items))).toEqual(['imported', 'imported']);
    expect(statuses(await run(items))).toEqual(['exists', 'exists']);
    expect(fixture.server.count('token')).toBe(3);
  });

  test('as NDJSON is the same', async () => {
    const lines = ['alice', 'bob'].map((who) => JSON.stringify(itemOf(who))).join('\n');
    expect(statuses(await run(`${lines}\n\n`))).toEqual(['imported', 'imported']);
  });

  test('as a dry run asks no provider and stores nothing', async () => {
    await run([itemOf('bob')]);
    const asked = fixture.server.count('token');
    const report = await run([itemOf('alice'), itemOf('bob'), { issuer: 'corporate' }], true);
    expect(statuses(report)).toEqual(['valid', 'exists', 'refused']);
    expect(fixture.server.count('token')).toBe(asked);
  });

  test('gives no application a consent unless the administrator says so, and records that', async () => {
    await run([itemOf('alice'), itemOf('bob', { consentedApplications: ['assistant'] })]);
    const consents = await fixture.database.query(
      'SELECT subject, application, consumer, scopes FROM client_consent',
    );
    expect(consents).toEqual([
      {
        subject: 'bob',
        application: 'assistant',
        consumer: 'gateway',
        scopes: ['offline_access', 'read'],
      },
    ]);
    const audited = await fixture.database.query<{ actor: object; detail: object }>(
      `SELECT actor, detail FROM audit_event WHERE action = 'grant.imported' ORDER BY target->>'subject'`,
    );
    expect(audited).toMatchObject([
      {
        actor: { kind: 'admin' },
        detail: { consentedApplications: [], upstreamAccount: 'up-alice' },
      },
      { detail: { consentedApplications: ['assistant'] } },
    ]);
  });

  test('twice at once uses no token twice: a provider would take it for a theft', async () => {
    const items = ['alice', 'bob', 'carol'].map((who) => itemOf(who));
    fixture.server.always('token', slow(200));
    const otherLocks = new PostgresAdvisoryLocks(fixture.fresh.vaultUrl);
    const other = importsAt(await fixture.replica(), otherLocks);
    const both = await Promise.all([run(items), other.import(items, importer, { dryRun: false })]);
    await otherLocks.close();
    const all = both.flatMap(statuses);
    expect(all.filter((one) => one === 'imported')).toHaveLength(3);
    expect(fixture.server.families.all.reduce((sum, family) => sum + family.overlaps, 0)).toBe(0);
    expect(fixture.server.families.all.every(({ revoked }) => !revoked)).toBe(true);
  });

  test('of a connection that needs its person again mends it', async () => {
    const grant = await fixture.grantTo('alice', vault);
    await fixture.expire(grant.id);
    fixture.server.revokeAll();
    await fixture.ask('alice', vault);
    expect(statuses(await run([itemOf('alice')]))).toEqual(['imported']);
    expect((await fixture.ask('alice', vault)).ok).toBe(true);
    expect(await fixture.audited('grant.recovered')).toBe(1);
  });
});

describe('an item is refused', () => {
  test('when the provider does not accept the token', async () => {
    const item = itemOf('alice');
    fixture.server.revokeAll();
    const { results } = await run([item]);
    expect(results).toMatchObject([
      { status: 'refused', detail: expect.stringContaining('invalid_grant') },
    ]);
    // Who tries out tokens that they found leaves a trace.
    expect(await fixture.audited('grant.import_refused')).toBe(1);
  });

  test('when the person has disconnected here', async () => {
    const grant = await fixture.grantTo('alice', vault);
    await vault.grants.revoke(grant.id, { kind: 'person' }, 'It is over.');
    expect(statuses(await run([itemOf('alice')]))).toEqual(['refused']);
    expect(fixture.server.count('token')).toBe(0);
  });

  test('row 13, another account linked by accident: when the token is of another account', async () => {
    const item = itemOf('alice', { account: { subject: 'up-bob' } });
    expect(statuses(await run([item]))).toEqual(['refused']);
    expect(await fixture.database.query('SELECT 1 FROM user_grant')).toEqual([]);
  });

  test('row 13, another account in the place of one that needs its person again, unless it is named', async () => {
    const grant = await fixture.grantTo('alice', vault);
    await fixture.database.query(`UPDATE user_grant SET status = 'needs_consent'`);
    const ofBob = () => ({ ...itemOf('alice'), refreshToken: tokenOf('bob') });
    expect(statuses(await run([ofBob()]))).toEqual(['refused']);
    expect(await fixture.row(grant.id)).toMatchObject({ upstream_subject: 'up-alice' });
    const named = { ...ofBob(), account: { subject: 'up-bob' } };
    expect(statuses(await run([named]))).toEqual(['imported']);
  });

  test('for whatever does not fit, and what is wrong is not repeated', async () => {
    const wrong = [
      { issuer: 'nobody' },
      { oauthClient: 'none' },
      { upstream: 'none' },
      { upstream: undefined },
      { subject: '' },
      { refreshToken: 'canary\r\n' },
      { accessToken: 'canary' },
      { subject: 'a\0b' },
    ];
    const report = await run(wrong.map((more, n) => itemOf(`person-${n}`, more)));
    expect(report.counts).toEqual({ refused: wrong.length });
    expect(JSON.stringify(report)).not.toContain('canary');
    expect(fixture.server.count('token')).toBe(0);
  });

  test('for a token or a grant that stands in the call already', async () => {
    const first = itemOf('alice');
    const { refreshToken } = first;
    const report = await run([first, itemOf('bob', { refreshToken }), itemOf('alice')]);
    expect(statuses(report)).toEqual(['imported', 'refused', 'refused']);
  });
});

test('a provider that refuses the registration, or does not answer, is not asked for all of them', async () => {
  const items = Array.from({ length: 40 }, (_, n) => itemOf(`person-${n}`));
  fixture.server.always('token', status(401, { error: 'invalid_client' }));
  const refused = await run(items);
  expect(refused.counts).toEqual({ failed: 40 });
  expect(fixture.server.count('token')).toBeLessThanOrEqual(5);
  fixture.server.always('token', status(503));
  const asked = fixture.server.count('token');
  expect((await run(items)).counts).toEqual({ failed: 40 });
  expect(fixture.server.count('token') - asked).toBeLessThanOrEqual(15);
  fixture.server.always('token', undefined);
  expect((await run(items)).counts).toEqual({ imported: 40 });
});

test('R7, no herd: never has more in flight at the provider than the oauth client allows', async () => {
  await fixture.database.query(
    `UPDATE registry_resource SET document = document || '{"maxConcurrentRequests": 2}' WHERE slug = 'snowid'`,
  );
  await fixture.database.query('UPDATE registry_version SET version = version + 1');
  fixture.server.always('token', slow(20));
  const items = Array.from({ length: 8 }, (_, n) => itemOf(`person-${n}`));
  expect((await run(items)).counts).toEqual({ imported: 8 });
  expect(fixture.server.families.mostInFlight).toBe(2);
});

test('an answer that is lost is a failure that says so, and nothing is stored', async () => {
  fixture.server.script('token', dropAfterWork);
  expect(statuses(await run([itemOf('alice')]))).toEqual(['failed']);
  expect(await fixture.database.query('SELECT 1 FROM user_grant')).toEqual([]);
});

test('row 34, moving the server: what the old one answers meanwhile is not kept for the new one', async () => {
  fixture.server.script('token', async (response, ordinary) => {
    const { status: code, body } = await ordinary();
    await fixture.database.query(
      `UPDATE registry_resource SET version = version + 1 WHERE slug = 'snowid'`,
    );
    sendJson(response, code, body);
  });
  expect(statuses(await run([itemOf('alice')]))).toEqual(['failed']);
  expect(await fixture.database.query('SELECT 1 FROM user_grant')).toEqual([]);
});

test('what is no list of items is refused as a whole, without a word of it', async () => {
  for (const body of [{ items: [] }, 'nonsense canary', undefined])
    await expect(run(body)).rejects.toThrow(/invalid-request: (?!.*canary)/);
});

test('more than a thousand are too many', async () => {
  await expect(run(Array.from({ length: 1_001 }, () => ({})))).rejects.toThrow(/too-large/);
});

test('row 40, log leaks: no token of an import stands in the log, the audit log or the answer', async () => {
  const items = ['alice', 'bob'].map((who) => itemOf(who));
  const answer = JSON.stringify(await run(items));
  const audit = JSON.stringify(await fixture.database.query('SELECT * FROM audit_event'));
  const sent = items.map(({ refreshToken }) => String(refreshToken));
  const text = `${fixture.log.join('\n')}${answer}${audit}`;
  expect(text).toContain('grant.import_finished');
  for (const secret of [...sent, ...fixture.server.issuedTokens])
    expect(text).not.toContain(secret);
});
