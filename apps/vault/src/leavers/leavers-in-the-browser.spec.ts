import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { HttpBrowser } from '#lib/testing/http-browser';
import { actionOf, ConnectFixture, heading } from '../connect/connect-fixture.js';

let vault: ConnectFixture;
let person: string;
let people = 0;

beforeAll(async () => {
  vault = await ConnectFixture.start();
});
afterAll(() => vault.stop());
beforeEach(() => {
  person = `leaver-${(people += 1)}`;
  vault.provider.subject = `snow-${person}`;
});

interface Told {
  readonly id: string;
  readonly receipt: {
    readonly ended: object;
    readonly otherTokens: readonly object[];
  };
}

async function end(): Promise<Told> {
  const answer = await vault.admin('POST', 'leavers', { issuer: 'corporate', subject: person });
  const { id, receipt } = (await answer.json()) as Told;
  return { id, receipt };
}

async function connect(browser: HttpBrowser, purpose: 'connect' | 'reconnect' = 'connect') {
  const { link } = await vault.ask(person, { purpose });
  const page = await browser.get(`${vault.origin}${link}`);
  return browser.submit(page, actionOf(page), { decision: 'allow' });
}

test('a person who left is signed out, and their issuer signs them in no more', async () => {
  const browser = await vault.signedIn(person);
  await connect(browser);
  const { link } = await vault.ask(person, { upstream: 'reports' });
  const { receipt } = await end();
  expect(receipt.ended).toEqual({ connections: 1, consents: 1, interactions: 1, sessions: 1 });
  const refused = await browser.get(`${vault.origin}${link}`);
  expect(refused.status).toBeGreaterThanOrEqual(400);
  expect(await vault.rows('SELECT hash FROM web_session WHERE subject = $1', [person])).toEqual([]);
});

test('a person who left while at the provider: the code that comes back is not redeemed', async () => {
  const { browser, callback } = await vault.beforeReturn(person);
  await end();
  const before = vault.redemptions;
  const { status } = await vault.comeBack(browser, callback);
  expect([status, vault.redemptions]).toEqual([400, before]);
  expect(await vault.rows('SELECT id FROM user_grant WHERE subject = $1', [person])).toEqual([]);
});

test('tokens of an account that they had not confirmed end at the provider, and stand in the receipt', async () => {
  const browser = await vault.signedIn(person);
  await connect(browser);
  vault.provider.subject = `other-${person}`;
  expect(heading(await connect(browser, 'reconnect'))).toContain(`other-${person}`);
  const { id } = await end();
  const settled = () =>
    vault.rows(`SELECT receipt->'otherTokens' AS tokens FROM leaver WHERE id = $1`, [id]);
  await expect
    .poll(settled, { timeout: 15_000 })
    .toMatchObject([{ tokens: [{ token: 'refresh_token', state: 'revoked' }] }]);
  const families = vault.provider.families.all.filter((one) => one.subject.endsWith(person));
  expect(families.map(({ revoked }) => revoked)).toEqual([true, true]);
});
