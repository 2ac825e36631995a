import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { altered, slow, status } from '#lib/testing/scripted-answer';
import { GrantsFixture } from './grants-fixture.js';
import type { GrantsReplica } from './grants-replica-fixture.js';
import type { GrantView } from './grants.js';

let fixture: GrantsFixture;
let vault: GrantsReplica;
let grant: GrantView;

beforeEach(async () => {
  fixture = await GrantsFixture.start();
  vault = await fixture.replica();
  grant = await fixture.grantTo('alice', vault);
});
afterEach(() => fixture.stop());

const admin = { kind: 'admin', subject: 'root' } as const;
const revoke = () => vault.grants.revoke(grant.id, admin, 'It is over.');

async function owed(): Promise<Record<string, unknown>[]> {
  return fixture.database.query('SELECT * FROM provider_revocation ORDER BY created_at');
}

/** The next attempt is due, and made. */
async function nextAttempt(): Promise<void> {
  await fixture.database.query(
    `UPDATE provider_revocation SET next_attempt_at = now() WHERE state = 'pending'`,
  );
  await vault.revoking.poll();
  await vault.revoking.settled();
}

async function completed(): Promise<Record<string, unknown>[]> {
  const rows = await fixture.database.query<{ detail: Record<string, unknown> }>(
    `SELECT outcome, actor->>'kind' AS kind, detail FROM audit_event WHERE action = 'grant.revocation_completed'`,
  );
  return rows.map(({ detail, ...row }) => ({ ...row, ...detail }));
}

describe('the answer to a revocation', () => {
  test('says that the provider confirmed, and until when lent copies may be good', async () => {
    const report = await revoke();
    expect(report).toMatchObject({ atProvider: 'revoked', retrying: false });
    expect(report?.remaining).toMatchObject([{ token: 'access_token' }]);
    const until = report?.remaining[0]?.validUntil?.getTime() ?? 0;
    expect(until - Date.now()).toBeGreaterThan(100_000);
    expect(until - Date.now()).toBeLessThanOrEqual(120_000);
    expect(await completed()).toEqual([
      {
        outcome: 'success',
        kind: 'admin',
        atProvider: 'revoked',
        token: 'refresh_token',
        attempts: 1,
        cause: 'grant',
      },
    ]);
    expect(await owed()).toMatchObject([{ state: 'revoked', sealed: null }]);
  });

  test('says nothing remains of a token that has ended', async () => {
    await fixture.expire(grant.id);
    expect((await revoke())?.remaining).toEqual([]);
  });

  test('says that the provider offers no way', async () => {
    fixture.server.always('discovery', altered({ revocation_endpoint: undefined }));
    expect(await revoke()).toMatchObject({
      atProvider: 'not-supported',
      retrying: false,
      remaining: [{ token: 'refresh_token', validUntil: null }, { token: 'access_token' }],
    });
    expect(await owed()).toMatchObject([{ state: 'not-supported', sealed: null }]);
    expect(await completed()).toMatchObject([{ outcome: 'failed', atProvider: 'not-supported' }]);
  });

  test('says that the provider is asked again, now and when it is asked for a second time', async () => {
    fixture.server.always('revoke', status(503));
    for (const atProvider of ['failed', 'nothing-to-revoke'])
      expect(await revoke()).toMatchObject({
        atProvider,
        retrying: true,
        remaining: expect.arrayContaining([expect.objectContaining({ token: 'refresh_token' })]),
      });
  });

  test('ends each access token where there is no refresh token, and stops when it has ended', async () => {
    await fixture.database.query('UPDATE user_grant SET refresh_token = NULL');
    fixture.server.always('revoke', status(503));
    expect(await revoke()).toMatchObject({
      atProvider: 'failed',
      remaining: [{ token: 'access_token' }, { token: 'access_token' }],
    });
    await nextAttempt();
    expect(await owed()).toMatchObject([{ state: 'expired', sealed: null, attempts: 2 }]);
    expect(await completed()).toMatchObject([{ outcome: 'success', atProvider: 'expired' }]);
  });

  test('a token that does not open keeps nobody from disconnecting', async () => {
    await fixture.database.query(`UPDATE user_grant SET refresh_token = refresh_token || '\\x00'`);
    expect(await revoke()).toMatchObject({ atProvider: 'failed', retrying: false });
    expect(await fixture.row(grant.id)).toMatchObject({ status: 'revoked', refresh_token: null });
  });
});

describe('a revocation that the provider did not confirm', () => {
  test('is asked for again until it is, then the token is forgotten and the outcome recorded', async () => {
    fixture.server.script('revoke', status(503), status(429));
    await revoke();
    expect(await owed()).toMatchObject([{ state: 'pending', attempts: 1 }]);
    const [{ sealed } = {}] = await owed();
    expect(String(sealed)).not.toContain('rt_');
    await nextAttempt();
    expect(await owed()).toMatchObject([{ state: 'pending', attempts: 2 }]);
    expect(await completed()).toEqual([]);
    await nextAttempt();
    expect(await owed()).toMatchObject([{ state: 'revoked', sealed: null, attempts: 3 }]);
    expect(await completed()).toMatchObject([{ outcome: 'success', kind: 'vault', attempts: 3 }]);
    expect(fixture.server.families.all.every(({ revoked }) => revoked)).toBe(true);
  });

  test('is given up at the end of the schedule', async () => {
    fixture.server.always('revoke', status(503));
    await revoke();
    await fixture.database.query('UPDATE provider_revocation SET attempts = 9');
    await nextAttempt();
    expect(await owed()).toMatchObject([{ state: 'failed', sealed: null }]);
    expect(await completed()).toMatchObject([{ outcome: 'failed', attempts: 10 }]);
  });

  test('survives the crash of whoever asked, and is not asked for by two', async () => {
    fixture.server.script('revoke', slow(1_000));
    const lost = vault.grants.revoke(grant.id, admin, 'It is over.');
    await expect.poll(() => fixture.server.count('revoke')).toBe(1);
    // Leased to the one that still waits: others keep away.
    const other = await fixture.replica();
    await other.revoking.poll();
    await other.revoking.settled();
    expect(fixture.server.count('revoke')).toBe(1);
    await nextAttempt();
    expect(await owed()).toMatchObject([{ state: 'revoked', sealed: null }]);
    await lost;
    expect(await owed()).toMatchObject([{ state: 'revoked', sealed: null }]);
    expect(await completed()).toHaveLength(1);
  });

  test('is not sent once the same account is connected anew: it could end the new tokens', async () => {
    fixture.server.always('revoke', status(503));
    await revoke();
    await fixture.grantTo('alice', vault);
    const asked = fixture.server.count('revoke');
    await nextAttempt();
    expect(fixture.server.count('revoke')).toBe(asked);
    expect(await owed()).toMatchObject([{ state: 'superseded', sealed: null }]);
  });

  test('row 34, stealing a token by moving the server: what is owed to the old one is dropped', async () => {
    fixture.server.always('revoke', status(503));
    await revoke();
    const where = { oauthClientId: fixture.ids['snowid'] ?? '' };
    await vault.database.transaction((tx) => vault.grants.suspend(tx, where, 'It was moved.'));
    const asked = fixture.server.count('revoke');
    await nextAttempt();
    expect(fixture.server.count('revoke')).toBe(asked);
    expect(await owed()).toMatchObject([{ state: 'failed', sealed: null }]);
  });

  test('row 34, stealing tokens by moving the server: what the old one gave is never sent to the new one', async () => {
    const where = { oauthClientId: fixture.ids['snowid'] ?? '', moved: true } as const;
    await vault.database.transaction((tx) => vault.grants.suspend(tx, where, 'It was moved.'));
    const asked = fixture.server.count('revoke');
    expect(await revoke()).toMatchObject({ atProvider: 'nothing-to-revoke' });
    await nextAttempt();
    expect(fixture.server.count('revoke')).toBe(asked);
    expect(await fixture.row(grant.id)).toMatchObject({ refresh_token: null, dpop_key: null });
    expect(await vault.database.query('SELECT 1 FROM access_token')).toEqual([]);
  });

  test('row 34, the same where the connection had ended for another reason before', async () => {
    await fixture.database.query(
      `UPDATE user_grant SET status = 'needs_consent', status_reason = 'It was changed.'`,
    );
    const where = { oauthClientId: fixture.ids['snowid'] ?? '', moved: true } as const;
    await vault.database.transaction((tx) => vault.grants.suspend(tx, where, 'It was moved.'));
    await revoke();
    expect(fixture.server.count('revoke')).toBe(0);
  });
});
