import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ConnectFixture } from './connect-fixture.js';

let vault: ConnectFixture;
let person: string;
let people = 0;

beforeAll(async () => {
  vault = await ConnectFixture.start();
});
afterAll(() => vault.stop());

beforeEach(() => {
  people += 1;
  person = `person-${people}`;
  vault.provider.subject = `snow-${person}`;
});

describe('row 9, mix-up', () => {
  beforeAll(async () => {
    await vault.put('oauth-clients/other', {
      slug: 'other',
      name: 'Other ID',
      issuer: vault.corporate.issuer,
      clientId: 'vault-at-other',
      clientSecret: 'other-secret',
      scopes: ['openid'],
    });
  });

  async function refused(change: (callback: URL) => void): Promise<void> {
    const { browser, callback } = await vault.beforeReturn(person);
    change(callback);
    const calls = vault.redemptions + vault.corporate.count('token');
    expect((await vault.comeBack(browser, callback)).status).toBe(400);
    expect(vault.redemptions + vault.corporate.count('token')).toBe(calls);
    expect(await vault.count(`user_grant WHERE subject = '${person}'`)).toBe(0);
  }

  test('the state of one oauth client on the callback of another: 400, 0 token calls', () =>
    refused((callback) => (callback.pathname = '/callback/other')));

  test('a wrong iss: 400, 0 token calls', () =>
    refused((callback) => callback.searchParams.set('iss', 'https://evil.example')));

  test('no iss although the server promises one: 400, 0 token calls', () =>
    refused((callback) => callback.searchParams.delete('iss')));
});

test('row 11, code injection: a foreign code with a valid state stores nothing', async () => {
  const stolen = await vault.beforeReturn(`${person}-victim`);
  const { browser, callback } = await vault.beforeReturn(person);
  callback.searchParams.set('code', stolen.callback.searchParams.get('code') ?? '');
  expect((await vault.comeBack(browser, callback)).status).toBe(400);
  expect(await vault.count(`user_grant WHERE subject = '${person}'`)).toBe(0);
});

test('row 12, state replay: 20 parallel callbacks are 1 token call', async () => {
  const { browser, callback } = await vault.beforeReturn(person);
  const calls = vault.redemptions;
  const cookie = browser.cookieHeader('localhost');
  const path = callback.pathname + callback.search;
  await Promise.all(Array.from({ length: 20 }, () => vault.fetch(path, { headers: { cookie } })));
  expect(vault.redemptions).toBe(calls + 1);
  expect(await vault.count(`user_grant WHERE subject = '${person}'`)).toBe(1);
});

test('row 14, id guessing: 1,000 guesses are 404, then 429 with the way out', async () => {
  const browser = await vault.signedIn(person);
  const headers = { cookie: browser.cookieHeader('localhost') };
  const statuses: number[] = [];
  for (let i = 0; i < 1000; i += 1) {
    const guess = String(i).padStart(43, 'g');
    statuses.push((await vault.fetch(`/connect/${guess}`, { headers })).status);
  }
  expect(statuses[0]).toBe(404);
  expect(statuses.at(-1)).toBe(429);
  expect(statuses.filter((status) => status === 404).length).toBeLessThan(60);
  const page = await vault.fetch(`/connect/${'g'.repeat(43)}`, { headers });
  expect(page.headers.get('retry-after')).toMatch(/^\d+$/);
  expect(await page.text()).toContain('Too many attempts.');
});

test('row 15, elicitation flooding: 1,000 calls are 1 row with at most 8 links', async () => {
  const opening: Awaited<ReturnType<typeof vault.ask>>[] = [];
  // A hundred at once: a thousand would wait for a connection longer than anybody may.
  for (let crowd = 0; crowd < 10; crowd += 1)
    opening.push(...(await Promise.all(Array.from({ length: 100 }, () => vault.ask(person)))));
  expect(new Set(opening.map(({ id }) => id)).size).toBe(1);
  expect(new Set(opening.map(({ uri }) => uri)).size).toBe(1000);
  expect(await vault.count(`interaction WHERE subject = '${person}'`)).toBe(1);
  const [links] = await vault.rows(
    'SELECT count(*)::int AS n FROM interaction_link WHERE interaction_id = $1',
    [opening[0]?.id],
  );
  expect(links).toEqual({ n: 8 });
});

test('row 16, host poisoning: X-Forwarded-Host and Host change nothing', async () => {
  const browser = await vault.signedIn(person);
  const { link } = await vault.ask(person);
  const poison = {
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    forwarded: 'host=evil.example',
  };
  const cookie = browser.cookieHeader('localhost');
  const page = await vault.fetch(link, { headers: { ...poison, cookie } });
  expect(await page.text()).not.toContain('evil');
  const login = await vault.fetch('/login', { headers: poison });
  const location = new URL(login.headers.get('location') ?? '');
  expect(location.searchParams.get('redirect_uri')).toBe(`${vault.origin}/login/callback`);
});

test.each(['/\\evil.example', '/\t/evil.example', 'https://evil.example', '//evil.example'])(
  'row 17, open redirect: returnTo=%j is ignored',
  async (target) => {
    const browser = vault.browser();
    vault.corporate.subject = person;
    const query = new URLSearchParams({ returnTo: target, return_to: target, link: target });
    const page = await browser.get(`${vault.origin}/login?${query.toString()}`);
    expect(page.url.href).toBe(`${vault.origin}/connections`);
  },
);

describe('row 18, leaks', () => {
  test('after the return the address holds neither code nor state', async () => {
    const { browser, callback } = await vault.beforeReturn(person);
    const answer = await vault.comeBack(browser, callback);
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toMatch(/^\/requests\/[0-9a-f-]{36}$/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('links, states, sessions and trips are stored by hash only', async () => {
    const { uri } = await vault.ask(person);
    const { browser, callback } = await vault.beforeReturn(person);
    const secrets = [
      new URL(uri).pathname.slice('/connect/'.length),
      callback.searchParams.get('state') ?? '',
      ...browser
        .cookieHeader('localhost')
        .split('; ')
        .map((pair) => pair.split('=')[1] ?? ''),
    ];
    const dump = JSON.stringify(
      await Promise.all(
        ['interaction_link', 'upstream_authorization', 'web_session', 'login_attempt'].map(
          (table) => vault.rows(`SELECT t::text FROM ${table} t`),
        ),
      ),
    );
    for (const secret of secrets) {
      expect(secret).toMatch(/^[\w-]{43}$/);
      expect(dump).not.toContain(secret);
      expect(vault.log.join('\n')).not.toContain(secret);
    }
  });
});

describe('row 37, ciphertext swap', () => {
  test('a verifier moved to another row does not open: 500, 0 token calls, an alarm', async () => {
    const other = await vault.beforeReturn(`${person}-other`);
    const { browser, callback } = await vault.beforeReturn(person);
    await vault.rows(
      `UPDATE upstream_authorization a SET pkce_verifier = b.pkce_verifier
         FROM upstream_authorization b
        WHERE a.used_at IS NULL AND b.used_at IS NULL AND a.state_hash <> b.state_hash`,
    );
    const calls = vault.redemptions;
    expect((await vault.comeBack(browser, callback)).status).toBe(500);
    expect((await vault.comeBack(other.browser, other.callback)).status).toBe(500);
    expect(vault.redemptions).toBe(calls);
    expect(vault.log.join('')).toContain('"event":"seal.broken"');
  });
});

describe('an application that may not ask', () => {
  test('blocked after it was given its link, it gets nothing', async () => {
    const application = `rogue-${person}`;
    const { link } = await vault.ask(person, { application });
    const browser = await vault.signedIn(person);
    expect((await browser.get(`${vault.origin}${link}`)).status).toBe(200);
    await vault.put(`applications/${application}`, {
      slug: application,
      issuer: 'corporate',
      clientId: application,
      name: 'Rogue',
      trust: 'blocked',
    });
    expect((await browser.get(`${vault.origin}${link}`)).status).toBe(404);
  });
});

test('a sealed vault says so on a page, and keeps nothing half done', async () => {
  const sealed = await vault.anotherWithTheWrongKeys();
  const answer = await fetch(`${sealed.origin}/connections`, { headers: { accept: 'text/html' } });
  expect(answer.status).toBe(503);
  expect(await answer.text()).toContain('The vault is locked.');
  await sealed.stop();
});
