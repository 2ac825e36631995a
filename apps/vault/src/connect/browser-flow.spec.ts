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
    const { callback } = await vault.beforeReturn(person);
    const bob = await vault.signedIn('bob');
    const calls = vault.redemptions;
    expect((await vault.comeBack(bob, callback)).status).toBe(403);
    expect(vault.redemptions).toBe(calls);
  });

  test('Bob with every cookie of Alice but his own session: 403', async () => {
    const { browser, callback } = await vault.beforeReturn(person);
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
    const { browser, callback } = await vault.beforeReturn(person);
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
