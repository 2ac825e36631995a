import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { status } from '#lib/testing/scripted-answer';
import { GrantsFixture } from './grants-fixture.js';
import type { GrantsReplica } from './grants-replica-fixture.js';

let fixture: GrantsFixture;
let vault: GrantsReplica;

beforeEach(async () => {
  fixture = await GrantsFixture.start();
  vault = await fixture.replica();
  await fixture.database.query(
    `INSERT INTO registry_resource (collection, slug, document)
     VALUES ('webhooks', 'told', $1)`,
    [
      JSON.stringify({
        slug: 'told',
        url: 'http://127.0.0.1:9/hook',
        events: ['grant.needs_consent', 'grant.recovered', 'grant.revoked'],
        enabled: true,
      }),
    ],
  );
});
afterEach(() => fixture.stop());

/** What is to be delivered, in order. */
async function told(): Promise<{ type: string; data: Record<string, unknown> }[]> {
  const rows = await fixture.database.query<{ payload: string }>(
    'SELECT payload FROM webhook_delivery ORDER BY sequence',
  );
  return rows.map(({ payload }) => JSON.parse(payload) as never);
}

const types = async () => (await told()).map(({ type }) => type);

describe('administrators are told', () => {
  test('that a grant needs consent, once, with names and no token', async () => {
    const grant = await fixture.grantTo('alice', vault);
    await fixture.expire(grant.id);
    fixture.server.revokeAll();
    await Promise.all([fixture.ask('alice', vault), fixture.ask('alice', vault)]);
    expect(await told()).toMatchObject([
      {
        type: 'grant.needs_consent',
        data: {
          grant_id: grant.id,
          issuer: 'corporate',
          subject: 'alice',
          oauth_client: 'snowid',
          upstream: 'snowdemo',
          status: 'needs_consent',
          reason: 'invalid_grant',
        },
      },
    ]);
    const text = JSON.stringify(await told());
    for (const token of fixture.server.issuedTokens) expect(text).not.toContain(token);
    expect(await fixture.audited('grant.needs_consent')).toBe(1);
  });

  test('that it works again after the person has connected anew, and since when it had not', async () => {
    const grant = await fixture.grantTo('alice', vault);
    await fixture.expire(grant.id);
    fixture.server.revokeAll();
    await fixture.ask('alice', vault);
    await fixture.grantTo('alice', vault);
    const [broken, recovered] = await told();
    expect(recovered).toMatchObject({
      type: 'grant.recovered',
      data: { status: 'active', reason: 'consent', since: broken?.data['since'] },
    });
    expect(await fixture.audited('grant.recovered')).toBe(1);
  });

  test('that it works again after the provider failed for longer than the token lived', async () => {
    const grant = await fixture.grantTo('alice', vault);
    await fixture.expire(grant.id);
    fixture.server.script('token', status(503));
    expect((await fixture.ask('alice', vault)).ok).toBe(false);
    expect(await told()).toEqual([]);
    await endPause();
    expect((await fixture.ask('alice', vault)).ok).toBe(true);
    expect(await told()).toMatchObject([{ type: 'grant.recovered', data: { reason: 'refresh' } }]);
  });

  test('nothing of a failure that a stored token bridged, nor of a refresh that works', async () => {
    const grant = await fixture.grantTo('alice', vault);
    await fixture.database.query(
      `UPDATE access_token SET issued_at = now() - interval '115 seconds', expires_at = now() + interval '5 seconds'`,
    );
    fixture.server.script('token', status(503));
    expect((await fixture.ask('alice', vault)).ok).toBe(true);
    await endPause();
    expect((await fixture.ask('alice', vault)).ok).toBe(true);
    expect(await fixture.row(grant.id)).toMatchObject({ refresh_failures: 0, failing_since: null });
    expect(await told()).toEqual([]);
  });

  test('of a suspension, of a late refresh nothing, and of the end', async () => {
    const grant = await fixture.grantTo('alice', vault);
    const where = { oauthClientId: fixture.ids['snowid'] ?? '' };
    await vault.database.transaction((tx) => vault.grants.suspend(tx, where, 'It was changed.'));
    await vault.grants.revoke(grant.id, { kind: 'vault' }, 'It is over.');
    await vault.grants.revoke(grant.id, { kind: 'vault' }, 'It is over.');
    expect(await types()).toEqual(['grant.needs_consent', 'grant.revoked']);
    expect((await told()).map(({ data }) => data['reason'])).toEqual([
      'It was changed.',
      'It is over.',
    ]);
  });

  test('of a new connection after a disconnect nothing: nothing was broken', async () => {
    const grant = await fixture.grantTo('alice', vault);
    await vault.grants.revoke(grant.id, { kind: 'vault' }, 'It is over.');
    await fixture.grantTo('alice', vault);
    expect(await types()).toEqual(['grant.revoked']);
  });
});

/** The pause after a failure is over, for the grant and for its provider. */
async function endPause(): Promise<void> {
  await fixture.database.query('UPDATE user_grant SET refresh_paused_until = NULL');
  await fixture.database.query('DELETE FROM provider_circuit');
}
