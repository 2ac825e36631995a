import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { HttpBrowser } from '#lib/testing/http-browser';
import { actionOf, ConnectFixture, heading } from './connect-fixture.js';

let vault: ConnectFixture;
let person: string;
let people = 0;
let browser: HttpBrowser;
let callback: URL;

beforeAll(async () => {
  vault = await ConnectFixture.start();
});
afterAll(() => vault.stop());

beforeEach(async () => {
  people += 1;
  person = `person-${people}`;
  vault.provider.subject = `snow-${person}`;
  browser = await vault.signedIn(person, (url) => url.pathname.startsWith('/callback/'));
  const { link } = await vault.ask(person);
  const page = await browser.get(`${vault.origin}${link}`);
  callback = (await browser.submit(page, actionOf(page), { decision: 'allow' })).url;
});

function comeBack(init: RequestInit & { cookie?: string } = {}): Promise<Response> {
  const { cookie = browser.cookieHeader('localhost'), ...rest } = init;
  return vault.fetch(callback.pathname + callback.search, { headers: { cookie }, ...rest });
}

async function nothingStored(): Promise<void> {
  expect(await vault.count(`user_grant WHERE subject = '${person}'`)).toBe(0);
}

const without = (name: string) =>
  browser
    .cookieHeader('localhost')
    .split('; ')
    .filter((pair) => !pair.includes(name))
    .join('; ');

test.each([
  ['no state', () => callback.searchParams.delete('state')],
  ['an empty state', () => callback.searchParams.set('state', '')],
  ['a foreign state', () => callback.searchParams.set('state', 'x'.repeat(43))],
  ['an unknown oauth client', () => (callback.pathname = '/callback/nobody')],
])('%s: 400, 0 token calls', async (_case, change) => {
  change();
  const calls = vault.redemptions;
  expect((await comeBack()).status).toBe(400);
  expect(vault.redemptions).toBe(calls);
});

test('two states: the one that is used must be the one that is checked', async () => {
  callback.searchParams.append('state', 'x'.repeat(43));
  expect((await comeBack()).status).toBe(400);
  await nothingStored();
});

test('another browser, which has the session but not the cookie of the trip: 400, 0 token calls', async () => {
  const calls = vault.redemptions;
  expect((await comeBack({ cookie: without('symbolon-connect') })).status).toBe(400);
  expect(vault.redemptions).toBe(calls);
});

test('the cookie of the trip without a session: 400, 0 token calls', async () => {
  const calls = vault.redemptions;
  expect((await comeBack({ cookie: without('symbolon-session') })).status).toBe(400);
  expect(vault.redemptions).toBe(calls);
});

test('the same person in a session that did not begin the trip: 400', async () => {
  const later = await vault.signedIn(person);
  const trip = browser
    .cookieHeader('localhost')
    .split('; ')
    .filter((pair) => pair.includes('symbolon-connect'));
  const cookie = [later.cookieHeader('localhost'), ...trip].join('; ');
  expect((await comeBack({ cookie })).status).toBe(400);
  await nothingStored();
});

test.each([
  ['a code twice', () => callback.searchParams.append('code', 'again')],
  ['a code and an error', () => callback.searchParams.set('error', 'access_denied')],
  ['neither code nor error', () => callback.searchParams.delete('code')],
])('%s: nothing stored', async (_case, change) => {
  change();
  expect([303, 400]).toContain((await comeBack()).status);
  await nothingStored();
});

test('a code of 100 KB is refused by the server before anybody reads it', async () => {
  callback.searchParams.set('code', 'c'.repeat(100_000));
  const answer = await comeBack().catch(() => undefined);
  expect([400, 413, 414, 431, undefined]).toContain(answer?.status);
  await nothingStored();
});

test('11 minutes late: 400, 0 token calls', async () => {
  await vault.rows(
    `UPDATE upstream_authorization SET expires_at = expires_at - interval '11 min' WHERE used_at IS NULL`,
  );
  const calls = vault.redemptions;
  const answer = await comeBack();
  // The one who began it is told how it stands; nobody else is.
  expect(answer.status).toBe(303);
  expect((await comeBack({ cookie: '' })).status).toBe(400);
  expect(vault.redemptions).toBe(calls);
  await nothingStored();
});

test('POST is not offered', async () => {
  expect((await comeBack({ method: 'POST' })).status).toBe(404);
  await nothingStored();
});

test('HEAD redeems nothing', async () => {
  const calls = vault.redemptions;
  await comeBack({ method: 'HEAD' });
  expect(vault.redemptions).toBe(calls);
});

test('a second tab at the same return shows Done to the one who began it, 400 to others', async () => {
  await comeBack();
  const second = await comeBack();
  expect(second.status).toBe(303);
  const page = await browser.get(`${vault.origin}${second.headers.get('location')}`);
  expect(heading(page)).toContain('Snowdemo is connected');
  expect((await comeBack({ cookie: '' })).status).toBe(400);
});
