import { afterAll, beforeAll, expect, test } from 'vitest';
import { sendJson } from '#lib/testing/local-server';
import { ExchangeFixture } from './exchange-fixture.js';

let fixture: ExchangeFixture;
beforeAll(async () => {
  fixture = await ExchangeFixture.start();
});
afterAll(() => fixture.stop());

test('row 10, registry takeover: a service under the slug of one that was removed inherits no consent', async () => {
  const about = { kind: 'service', audiences: ['https://heir.example.com'] };
  await fixture.addClient('heir', about);
  await fixture.grant('han');
  await fixture.consent('han', { consumer: 'heir' });
  await fixture.consent('han');
  const asService = async () => ({
    token: await fixture.token('han', { audience: 'https://heir.example.com' }),
    client: { client_assertion: await fixture.assertion('heir') },
  });
  const before = await asService();
  expect((await fixture.exchange(before.token, before.client)).status).toBe(200);
  expect((await fixture.admin('DELETE', 'machine-clients/heir')).status).toBe(204);
  expect((await fixture.exchange(before.token, before.client)).body.error).toBe('invalid_client');
  await fixture.addClient('heir', about);
  const after = await asService();
  expect((await fixture.exchange(after.token, after.client)).body.error).toBe(
    'interaction_required',
  );
  expect((await fixture.exchange(await fixture.token('han'))).status).toBe(200);
});

test('R3: an application that is removed while the provider takes its time is given nothing', async () => {
  const { grant } = await fixture.grant('wes');
  const consent = await fixture.consent('wes');
  await fixture.seed.database.query(
    `UPDATE access_token SET issued_at = now() - interval '3 minutes', expires_at = now() - interval '1 minute'
      WHERE grant_id = $1`,
    [grant.id],
  );
  fixture.provider.script('token', async (response, ordinary) => {
    const { status: code, body } = await ordinary();
    await fixture.seed.database.transaction((tx) => fixture.seed.consents.remove(tx, consent));
    sendJson(response, code, body);
  });
  const answer = await fixture.exchange(await fixture.token('wes'));
  expect(answer).toMatchObject({ status: 400, body: { error: 'interaction_required' } });
  const handedOut = `audit_event WHERE action = 'token.exchanged' AND actor->>'subject' = 'wes'`;
  expect(await fixture.count(handedOut)).toBe(0);
  await fixture.consent('wes');
  expect((await fixture.exchange(await fixture.token('wes'))).status).toBe(200);
});

test('R10: the record that a read writes is of what leaves; what was foreseen and is not so leaves none', async () => {
  await fixture.grant('fay');
  await fixture.consent('fay');
  const token = await fixture.token('fay');
  const records = () =>
    fixture.seed.database.query<{ version: number; requests: number }>(
      `SELECT (detail->>'grantVersion')::int AS version, count(DISTINCT request_id)::int AS requests
         FROM audit_event WHERE action = 'token.exchanged' AND actor->>'subject' = 'fay' GROUP BY 1 ORDER BY 1`,
    );
  const versions = [];
  for (let n = 0; n < 3; n += 1)
    versions.push((await fixture.exchange(token)).body['grant_version']);
  expect(versions).toEqual([2, 2, 2]);
  expect(await records()).toEqual([{ version: 2, requests: 3 }]);

  await fixture.seed.database.query(`DELETE FROM client_consent WHERE subject = 'fay'`);
  expect((await fixture.exchange(token)).body.error).toBe('interaction_required');
  await fixture.consent('fay');
  await fixture.seed.database.query(
    `UPDATE user_grant SET status = 'needs_consent' WHERE subject = 'fay'`,
  );
  expect((await fixture.exchange(token)).body.error).toBe('interaction_required');
  expect(await records()).toEqual([{ version: 2, requests: 3 }]);

  await fixture.seed.database.query(
    `UPDATE user_grant SET status = 'active', version = 7 WHERE subject = 'fay'`,
  );
  for (let n = 0; n < 2; n += 1)
    expect((await fixture.exchange(token)).body['grant_version']).toBe(7);
  expect(await records()).toEqual([
    { version: 2, requests: 3 },
    { version: 7, requests: 2 },
  ]);
});
