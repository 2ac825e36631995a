import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConnectFixture } from './connect-fixture.js';

let vault: ConnectFixture;
beforeAll(async () => {
  vault = await ConnectFixture.start();
});
afterAll(() => vault.stop());

const recorded = (action: string) =>
  vault.rows(
    `SELECT outcome, actor, target, detail, request_id IS NOT NULL AS "hasRequestId"
       FROM audit_event WHERE action = $1 ORDER BY sequence`,
    [action],
  );

test('row 40, no trace: forged and stray callbacks stand in the audit log, a flood of them as a number', async () => {
  const { browser, callback } = await vault.beforeReturn('eve');
  const forged = new URL(callback);
  forged.searchParams.set('code', 'forged');
  await vault.comeBack(browser, forged);
  await expect
    .poll(() => recorded('callback.refused'))
    .toMatchObject([
      {
        outcome: 'refused',
        actor: { kind: 'person', issuer: 'corporate', subject: 'eve' },
        target: { oauthClient: 'snowid' },
        detail: { reason: 'invalid_grant' },
        hasRequestId: true,
      },
    ]);
  await Promise.all(
    Array.from({ length: 20 }, (_, n) => vault.fetch(`/callback/nobody?state=guess${n}`)),
  );
  await expect
    .poll(() => recorded('callback.refused'))
    .toMatchObject([
      { detail: { reason: 'invalid_grant' } },
      { actor: { kind: 'person' }, target: { oauthClient: '' }, detail: { reason: 'invalid' } },
    ]);
});

test('row 40, no trace: a sign-in that failed stands in the audit log', async () => {
  await vault.fetch(`/login/callback?state=${'x'.repeat(43)}&code=c`);
  await expect
    .poll(() => recorded('login.refused'))
    .toMatchObject([
      { outcome: 'refused', actor: { kind: 'person' }, detail: { reason: 'stale' } },
    ]);
});

test('row 40, no trace: each consent that a changed upstream voids stands in the audit log', async () => {
  vault.provider.subject = 'snow-vera';
  const { browser, callback } = await vault.beforeReturn('vera');
  await vault.comeBack(browser, callback);
  await vault.put('upstreams/snowdemo', {
    slug: 'snowdemo',
    name: 'Snowdemo',
    type: 'http',
    url: 'http://127.0.0.1:10/',
    credential: { type: 'oauth', oauthClient: 'snowid' },
  });
  expect(await recorded('consent.voided')).toMatchObject([
    {
      outcome: 'success',
      actor: { kind: 'vault' },
      target: {
        issuer: 'corporate',
        subject: 'vera',
        application: 'assistant-client',
        consumer: 'gateway',
        upstream: 'snowdemo',
      },
    },
  ]);
});
