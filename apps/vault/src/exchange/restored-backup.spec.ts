import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { queryDatabase } from '#lib/testing/postgres-query';
import { markDatabaseRestored } from '../../../../migrations/mark-restored.js';
import { ExchangeFixture } from './exchange-fixture.js';

let fixture: ExchangeFixture;

beforeAll(async () => {
  fixture = await ExchangeFixture.start();
});
afterAll(() => fixture.stop());

interface Told {
  readonly state: string;
  readonly hint: string | null;
  readonly providers: readonly object[];
}

const newest = async (): Promise<Told | undefined> => {
  const answer = await fixture.admin('GET', 'recoveries');
  return ((await answer.json()) as { items: Told[] }).items[0];
};

async function finished(): Promise<Told> {
  for (;;) {
    const told = await newest();
    if (told?.state === 'finished') return told;
    await sleep(50);
  }
}

const sql = (statement: string) => queryDatabase(fixture.fresh.url, statement);
const expire = () =>
  sql(
    `UPDATE access_token SET issued_at = now() - interval '1 hour', expires_at = now() - interval '1 second'`,
  );

test('row 15: after a restored backup each person whose token died is asked once, however often they call', async () => {
  for (const person of ['ann', 'bea']) {
    await fixture.grant(person);
    await fixture.consent(person);
  }
  const ann = await fixture.token('ann');
  const bea = await fixture.token('bea');
  await sql('CREATE TABLE backup AS TABLE user_grant');
  await expire();
  // The provider replaces the token of ann; the backup has the one before.
  expect((await fixture.exchange(ann)).status).toBe(200);
  await sql(
    `UPDATE user_grant g SET refresh_token = b.refresh_token, token_version = b.token_version FROM backup b WHERE b.id = g.id`,
  );
  await markDatabaseRestored(fixture.fresh.url);
  await expire();
  const before = fixture.provider.count('token', 'refresh_token');
  const held = await fixture.exchange(ann);
  expect([held.status, held.body.error]).toEqual([503, 'temporarily_unavailable']);
  expect(held.headers.get('retry-after')).toBe('15');
  expect((await newest())?.hint).toContain('symbolon recover start');
  expect(fixture.provider.count('token', 'refresh_token')).toBe(before);

  const started = await fixture.admin('POST', 'recoveries', { ratePerMinute: 6_000 });
  expect(started.status).toBe(202);
  expect(await finished()).toMatchObject({
    providers: [{ oauthClient: 'snowid', alive: 1, dead: 1, waiting: 0, hint: null }],
  });
  const asked = await Promise.all(Array.from({ length: 30 }, () => fixture.exchange(ann)));
  expect(new Set(asked.map(({ body }) => body.error))).toEqual(new Set(['interaction_required']));
  expect(new Set(asked.map(({ body }) => body.interaction_id)).size).toBe(1);
  expect(await fixture.count(`interaction WHERE subject = 'ann' AND status = 'pending'`)).toBe(1);
  const told = await fixture.count(
    `audit_event WHERE action = 'grant.needs_consent' AND detail->>'reason' = 'restored_backup'`,
  );
  expect(told).toBe(1);
  expect((await fixture.exchange(bea)).status).toBe(200);
  const wrong = await fixture.admin('POST', 'recoveries', { ratePerMinute: 0 });
  expect(wrong.status).toBe(422);
});
