import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { HttpBrowser, VisitedPage } from '#lib/testing/http-browser';
import { actionOf, ConnectFixture, csrfOf, heading } from './connect-fixture.js';

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

const atCallback = (url: URL) => url.pathname.startsWith('/callback/');

/** Alice allows; her browser stands before the return from the provider. */
async function beforeReturn(subject: string): Promise<{ browser: HttpBrowser; callback: URL }> {
  const browser = await vault.signedIn(subject, atCallback);
  const { link } = await vault.ask(subject);
  const page = await browser.get(`${vault.origin}${link}`);
  const { url } = await browser.submit(page, actionOf(page), { decision: 'allow' });
  return { browser, callback: url };
}

function comeBack(browser: HttpBrowser, callback: URL): Promise<Response> {
  return vault.fetch(callback.pathname + callback.search, {
    headers: { cookie: browser.cookieHeader('localhost') },
  });
}

function withoutReference(page: { body: string }): string {
  return page.body.replaceAll(/[0-9a-zA-Z_-]{43}|req_[0-9a-z]{26}/g, '…');
}

describe('row 1, a link of somebody else', () => {
  test('Bob at the link of Alice sees what an unknown link shows, and it still works for her', async () => {
    const { uri, link } = await vault.ask(person);
    const bob = await vault.signedIn('bob');
    const foreign = await bob.get(uri);
    const unknown = await bob.get(`${vault.origin}/connect/${'x'.repeat(43)}`);
    const malformed = await bob.get(`${vault.origin}/connect/%00`);
    expect([foreign.status, unknown.status, malformed.status]).toEqual([404, 404, 404]);
    expect(heading(foreign)).toBe('This link does not work here.');
    expect(withoutReference(foreign)).toBe(withoutReference(unknown));
    expect(withoutReference(foreign)).toBe(withoutReference(malformed));
    const alice = await vault.signedIn(person);
    expect(heading(await alice.get(`${vault.origin}${link}`))).toContain('Let Assistant use');
  });

  test('Bob at the callback of Alice: 403, 0 token calls', async () => {
    const { callback } = await beforeReturn(person);
    const bob = await vault.signedIn('bob');
    const calls = vault.redemptions;
    expect((await comeBack(bob, callback)).status).toBe(403);
    expect(vault.redemptions).toBe(calls);
  });

  test('Bob with every cookie of Alice but his own session: 403', async () => {
    const { browser, callback } = await beforeReturn(person);
    const bob = await vault.signedIn('bob');
    const trips = browser
      .cookieHeader('localhost')
      .split('; ')
      .filter((pair) => pair.includes('symbolon-connect'));
    const cookie = [bob.cookieHeader('localhost'), ...trips].join('; ');
    const answer = await vault.fetch(callback.pathname + callback.search, { headers: { cookie } });
    expect(answer.status).toBe(403);
  });

  test('a request page or a decision of Alice is nothing to Bob', async () => {
    const { id } = await vault.ask(person);
    const bob = await vault.signedIn('bob');
    const home = await bob.get(`${vault.origin}/connections`);
    expect((await bob.get(`${vault.origin}/requests/${id}`)).status).toBe(404);
    const form = { csrf: csrfOf(home), decision: 'decline', version: '1' };
    expect((await bob.post(`${vault.origin}/requests/${id}`, form)).status).toBe(404);
    expect(await vault.rows('SELECT status FROM interaction WHERE id = $1', [id])).toEqual([
      { status: 'pending' },
    ]);
  });

  test('people who differ in letter case or a space are not the same person', async () => {
    const { link } = await vault.ask(person);
    for (const other of [person.toUpperCase(), `${person} `]) {
      const browser = await vault.signedIn(other);
      expect((await browser.get(`${vault.origin}${link}`)).status).toBe(404);
    }
  });

  test('without a session nobody learns whether a link exists', async () => {
    const { link } = await vault.ask(person);
    const answers = await Promise.all(
      [link, `/connect/${'x'.repeat(43)}`].map((path) => vault.fetch(path)),
    );
    const seen = answers.map((answer) => ({
      status: answer.status,
      to: new URL(answer.headers.get('location') ?? '').pathname,
      names: [...answer.headers.keys()],
    }));
    expect(seen[0]).toEqual(seen[1]);
    expect(seen[0]?.status).toBe(303);
  });
});

describe('row 4, consent bypass', () => {
  test('GET connect writes no state row and redirects nowhere', async () => {
    const browser = await vault.signedIn(person);
    const { link } = await vault.ask(person);
    const before = await vault.count('upstream_authorization');
    const headers = { cookie: browser.cookieHeader('localhost') };
    for (const method of ['GET', 'HEAD']) {
      const answer = await vault.fetch(`${link}?decision=allow`, { method, headers });
      expect([answer.status, answer.headers.get('location')]).toEqual([200, null]);
      expect(answer.headers.get('refresh')).toBeNull();
    }
    expect(await vault.count('upstream_authorization')).toBe(before);
  });
});

describe('row 5, CSRF', () => {
  async function pageOf(subject: string): Promise<{ browser: HttpBrowser; page: VisitedPage }> {
    const browser = await vault.signedIn(subject);
    const { link } = await vault.ask(subject);
    return { browser, page: await browser.get(`${vault.origin}${link}`) };
  }

  test.each([
    ['a foreign Origin', { origin: 'https://evil.example' }],
    ['a null Origin', { origin: 'null' }],
    ['another port of this host', { origin: 'http://localhost:1' }],
    ['a cross-site navigation', { 'sec-fetch-site': 'cross-site' }],
    ['a same-site navigation', { 'sec-fetch-site': 'same-site' }],
  ])('%s: 403, nothing done', async (_case, headers) => {
    const { browser, page } = await pageOf(person);
    const form = { csrf: csrfOf(page), decision: 'decline', version: '1' };
    const answer = await browser.post(`${vault.origin}${actionOf(page)}`, form, headers);
    expect(answer.status).toBe(403);
    expect(heading(await browser.get(page.url))).toContain('Let Assistant use');
  });

  test.each([
    ['no token', undefined],
    ['the token of another session', 'x'.repeat(43)],
    ['an empty token', ''],
  ])('%s: 403', async (_case, csrf) => {
    const { browser, page } = await pageOf(person);
    const form = { decision: 'decline', version: '1', ...(csrf === undefined ? {} : { csrf }) };
    expect((await browser.post(`${vault.origin}${actionOf(page)}`, form)).status).toBe(403);
  });

  test.each(['/logout', '/connections/snowdemo'])('%s is guarded too', async (path) => {
    const browser = await vault.signedIn(person);
    expect((await browser.post(`${vault.origin}${path}`, { decision: 'connect' })).status).toBe(
      403,
    );
  });

  test('after the session is over a form does nothing and leads back to its page', async () => {
    const { page } = await pageOf(person);
    const form = new URLSearchParams({ csrf: csrfOf(page), decision: 'allow', version: '1' });
    const answer = await vault.fetch(actionOf(page), { method: 'POST', body: form });
    expect(answer.status).toBe(401);
    expect(await answer.text()).toContain(`href="${actionOf(page)}"`);
  });
});

test.each([
  ['/connections', 200],
  ['/signed-out', 200],
  [`/connect/${'x'.repeat(43)}`, 404],
  ['/connect/%00', 404],
  ['/callback/snowid?state=x', 400],
  ['/callback/nobody', 400],
  ['/login/callback', 400],
  ['/login?issuer=nobody', 404],
  ['/nowhere', 404],
  [`/nowhere/${'x'.repeat(300)}`, 404],
])('rows 6, 7, 18: %s (%i) carries the headers of every page', async (path, code) => {
  const browser = await vault.signedIn('reader');
  const headers = { cookie: browser.cookieHeader('localhost'), accept: 'text/html' };
  const answer = await vault.fetch(path, { headers });
  expect(answer.status).toBe(code);
  const policy = answer.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/script|unsafe|http/);
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect(answer.headers.get('referrer-policy')).toBe('same-origin');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const body = await answer.text();
  expect(body).not.toMatch(/<script|style=|javascript:|https?:\/\/(?!localhost)/);
});

describe('row 7, XSS through names', () => {
  test('markup and direction characters in names are inert', async () => {
    const evil = '"><img src=x onerror=alert(1)>\u202Egnp';
    const browser = await vault.signedIn(person);
    const { link } = await vault.ask(person, { application: evil, clientName: evil });
    const { body } = await browser.get(`${vault.origin}${link}`);
    expect(body).not.toContain('<img src=x');
    expect(body).not.toContain('\u202E');
    expect(body).toContain('<bdi>&quot;>&lt;img src=x onerror=alert(1)> gnp</bdi>');
  });

  test("the provider's error_description is never shown", async () => {
    const { browser, callback } = await beforeReturn(person);
    callback.searchParams.delete('code');
    callback.searchParams.set('error', 'access_denied');
    callback.searchParams.set('error_description', '<script>alert(1)</script> call 555-1234');
    const { body } = await browser.get(callback);
    expect(body).toContain('did not finish the connection');
    expect(body).not.toContain('555-1234');
  });
});

test('row 8, client impersonation: the page names the client id; what it calls itself is labelled', async () => {
  const browser = await vault.signedIn(person);
  const about = { application: 'x-client', clientName: 'Assistant' };
  const { link } = await vault.ask(person, about);
  const page = await browser.get(`${vault.origin}${link}`);
  expect(heading(page)).toBe('Let x-client use Snowdemo as you?');
  expect(page.body).toMatch(/calls itself “<bdi>Assistant<\/bdi>”/);
  expect(page.body).not.toContain('Checked by your organisation');
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
    const { browser, callback } = await beforeReturn(person);
    change(callback);
    const calls = vault.redemptions + vault.corporate.count('token');
    expect((await comeBack(browser, callback)).status).toBe(400);
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
  const stolen = await beforeReturn(`${person}-victim`);
  const { browser, callback } = await beforeReturn(person);
  callback.searchParams.set('code', stolen.callback.searchParams.get('code') ?? '');
  expect((await comeBack(browser, callback)).status).toBe(400);
  expect(await vault.count(`user_grant WHERE subject = '${person}'`)).toBe(0);
});

test('row 12, state replay: 20 parallel callbacks are 1 token call', async () => {
  const { browser, callback } = await beforeReturn(person);
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
  const opening = await Promise.all(Array.from({ length: 1000 }, () => vault.ask(person)));
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
    const { browser, callback } = await beforeReturn(person);
    const answer = await comeBack(browser, callback);
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toMatch(/^\/requests\/[0-9a-f-]{36}$/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('links, states, sessions and trips are stored by hash only', async () => {
    const { uri } = await vault.ask(person);
    const { browser, callback } = await beforeReturn(person);
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
    const other = await beforeReturn(`${person}-other`);
    const { browser, callback } = await beforeReturn(person);
    await vault.rows(
      `UPDATE upstream_authorization a SET pkce_verifier = b.pkce_verifier
         FROM upstream_authorization b
        WHERE a.used_at IS NULL AND b.used_at IS NULL AND a.state_hash <> b.state_hash`,
    );
    const calls = vault.redemptions;
    expect((await comeBack(browser, callback)).status).toBe(500);
    expect((await comeBack(other.browser, other.callback)).status).toBe(500);
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
