import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { HttpBrowser } from '#lib/testing/http-browser';
import { altered } from '#lib/testing/scripted-answer';
import { ConnectFixture, csrfOf, heading } from '../connect/connect-fixture.js';

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
  vault.corporate.subject = person;
  vault.corporate.authorizationError = undefined;
});

const atCallback = (url: URL) => url.pathname === '/login/callback';

async function beforeReturn(): Promise<{ browser: HttpBrowser; callback: URL }> {
  const browser = vault.browser(atCallback);
  const { url } = await browser.get(`${vault.origin}/login`);
  return { browser, callback: url };
}

function comeBack(callback: URL, cookie: string): Promise<Response> {
  return vault.fetch(callback.pathname + callback.search, { headers: { cookie } });
}

function sessionCookieOf(answer: Response): string | undefined {
  return answer.headers.getSetCookie().find((line) => line.includes('symbolon-session'));
}

describe('row 2, login CSRF', () => {
  test('the callback without the cookie of the sign-in: 400, no session', async () => {
    const { callback } = await beforeReturn();
    const answer = await comeBack(callback, '');
    expect(answer.status).toBe(400);
    expect(sessionCookieOf(answer)).toBeUndefined();
    expect(vault.corporate.count('token')).toBe(0);
  });

  test("the cookie of another sign-in does not do: an attacker's link signs nobody in", async () => {
    const attacker = await beforeReturn();
    const victim = await beforeReturn();
    const answer = await comeBack(attacker.callback, victim.browser.cookieHeader('localhost'));
    expect([answer.status, sessionCookieOf(answer)]).toEqual([400, undefined]);
  });

  test('state, nonce and PKCE go with every sign-in, fresh each time', async () => {
    const asked = await Promise.all([beforeReturn(), beforeReturn()]);
    const seen = vault.corporate.requests
      .filter(({ endpoint }) => endpoint === 'authorize')
      .slice(-asked.length)
      .map(({ parameters }) => parameters);
    for (const name of ['state', 'nonce', 'code_challenge'])
      expect(new Set(seen.map((parameters) => parameters.get(name))).size).toBe(2);
    expect(seen[0]?.get('code_challenge_method')).toBe('S256');
  });

  test.each([
    ['a nonce of another sign-in', { nonce: 'other' }],
    ['another audience', { aud: 'somebody-else' }],
    ['an empty subject', { sub: '' }],
  ])('an ID token with %s signs nobody in', async (_case, claims) => {
    const { browser, callback } = await beforeReturn();
    const about = { subject: person, clientId: 'vault-login' };
    const idToken = await vault.corporate.idToken(about, claims);
    vault.corporate.script('token', altered({ id_token: idToken }));
    const answer = await comeBack(callback, browser.cookieHeader('localhost'));
    expect([answer.status, sessionCookieOf(answer)]).toEqual([400, undefined]);
  });

  test('a used state signs nobody in again', async () => {
    const { browser, callback } = await beforeReturn();
    const cookie = browser.cookieHeader('localhost');
    expect((await comeBack(callback, cookie)).status).toBe(303);
    expect((await comeBack(callback, cookie)).status).toBe(400);
  });

  test('a wrong iss signs nobody in', async () => {
    const { browser, callback } = await beforeReturn();
    callback.searchParams.set('iss', 'https://evil.example');
    const answer = await comeBack(callback, browser.cookieHeader('localhost'));
    expect([answer.status, sessionCookieOf(answer)]).toEqual([400, undefined]);
  });
});

describe('row 3, session fixation', () => {
  test('a planted cookie is nothing after the login of its victim: 401', async () => {
    const planted = 'p'.repeat(43);
    const port = new URL(vault.origin).port;
    const name = `__Host-symbolon-session-${port}`;
    const { browser, callback } = await beforeReturn();
    const cookie = `${browser.cookieHeader('localhost')}; ${name}=${planted}`;
    const answer = await comeBack(callback, cookie);
    expect(sessionCookieOf(answer)).not.toContain(planted);
    const used = await vault.fetch('/logout', {
      method: 'POST',
      headers: { cookie: `${name}=${planted}` },
      body: new URLSearchParams({ csrf: 'x' }),
    });
    expect(used.status).toBe(401);
  });

  test('signing in again ends the session before', async () => {
    const browser = await vault.signedIn(person);
    const before = browser.cookieHeader('localhost');
    await browser.get(`${vault.origin}/connections?switch=1`);
    expect(browser.cookieHeader('localhost')).not.toBe(before);
    const old = await vault.fetch('/connections', { headers: { cookie: before } });
    expect(old.status).toBe(303);
  });
});

describe('the session cookie', () => {
  test('is __Host-, HttpOnly, Secure and Lax', async () => {
    const { browser, callback } = await beforeReturn();
    const answer = await comeBack(callback, browser.cookieHeader('localhost'));
    expect(sessionCookieOf(answer)).toMatch(
      /^__Host-symbolon-session-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
  });

  test('has no prefix for Safari over http, which would drop it', async () => {
    const agent = 'Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/19.0 Safari/605.1.15';
    const answer = await vault.fetch('/login', { headers: { 'user-agent': agent } });
    expect(answer.headers.getSetCookie()[0]).toMatch(/^symbolon-login-\d+\.[\w-]{10}=/);
  });

  test.each([
    ['8 hours', `expires_at = now()`],
    ['30 idle minutes', `last_seen_at = now() - interval '30 min 1 s'`],
  ])('is over after %s', async (_case, change) => {
    const browser = await vault.signedIn(person);
    await vault.rows(`UPDATE web_session SET ${change} WHERE subject = $1`, [person]);
    const headers = { cookie: browser.cookieHeader('localhost') };
    expect((await vault.fetch('/connections', { headers })).status).toBe(303);
  });

  test('lives on while it is used', async () => {
    const browser = await vault.signedIn(person);
    await vault.rows(
      `UPDATE web_session SET last_seen_at = now() - interval '29 min' WHERE subject = $1`,
      [person],
    );
    await browser.get(`${vault.origin}/connections`);
    const [row] = await vault.rows(
      `SELECT last_seen_at > now() - interval '1 min' AS fresh FROM web_session WHERE subject = $1`,
      [person],
    );
    expect(row).toEqual({ fresh: true });
  });

  test('many sign-ins begun in one browser do not fill its cookies without bound', async () => {
    const browser = vault.browser(atCallback);
    for (let i = 0; i < 20; i += 1) await browser.get(`${vault.origin}/login`);
    expect(browser.cookieHeader('localhost').split('; ').length).toBeLessThanOrEqual(9);
  });
});

describe('signing out and switching', () => {
  test('signing out ends the session, not the connections, and says so', async () => {
    const browser = await vault.signedIn(person);
    const home = await browser.get(`${vault.origin}/connections`);
    const cookie = browser.cookieHeader('localhost');
    const page = await browser.post(`${vault.origin}/logout`, { csrf: csrfOf(home) });
    expect(heading(page)).toBe('You are signed out.');
    expect((await vault.fetch('/connections', { headers: { cookie } })).status).toBe(303);
  });

  test('Switch account asks the IdP for the password', async () => {
    const browser = await vault.signedIn(person);
    await browser.get(`${vault.origin}/connections?switch=1`);
    const last = vault.corporate.requests.findLast(({ endpoint }) => endpoint === 'authorize');
    expect(last?.parameters.get('prompt')).toBe('login');
  });

  test('a link survives the switch to its owner', async () => {
    const { uri, link } = await vault.ask(person);
    const browser = await vault.signedIn('somebody-else');
    expect((await browser.get(uri)).status).toBe(404);
    vault.corporate.subject = person;
    const page = await browser.get(`${vault.origin}${link}?switch=1`);
    expect(heading(page)).toBe('Let Assistant use Snowdemo as you?');
  });
});

test('the IdP says no: a page says so, and Try again leads back', async () => {
  const { link } = await vault.ask(person);
  vault.corporate.authorizationError = 'access_denied';
  const browser = vault.browser();
  const page = await browser.get(`${vault.origin}${link}`);
  expect([page.status, heading(page)]).toEqual([400, 'The sign-in did not finish.']);
  expect(page.body).toContain(`href="${link}"`);
});

test('names come from the userinfo endpoint where the ID token has none', async () => {
  vault.corporate.claims.set(person, { name: 'Alice Example', preferred_username: 'alice@corp' });
  const browser = await vault.signedIn(person);
  const page = await browser.get(`${vault.origin}/connections`);
  expect(page.body).toContain('<bdi>Alice Example</bdi>');
  expect(page.body).toContain('<bdi>alice@corp</bdi>');
});

test('an IdP that cannot be reached is a page with the way to go on', async () => {
  const other = await ConnectFixture.start();
  await other.corporate.stop();
  const answer = await other.fetch('/connections', { headers: { accept: 'text/html' } });
  expect(answer.status).toBe(503);
  expect(await answer.text()).toContain('This does not work right now.');
  await other.stop();
});

describe('several issuers', () => {
  beforeAll(async () => {
    await vault.put('issuers/pairwise', {
      slug: 'pairwise',
      issuer: vault.provider.issuer,
      subjectClaim: 'oid',
      login: { clientId: 'vault-login', clientSecret: 'login-secret' },
    });
  });

  test('the choice is the same for a link that exists and one that does not', async () => {
    const { link } = await vault.ask(person);
    const unknown = `/connect/${'x'.repeat(43)}`;
    const pages = await Promise.all(
      [link, unknown].map(async (path) => {
        const answer = await vault.fetch(path);
        const secret = path.split('/').at(-1) ?? '';
        return [answer.status, (await answer.text()).replaceAll(secret, '…')];
      }),
    );
    expect(pages[0]).toEqual(pages[1]);
    expect(pages[0]?.[1]).toContain('Where do you sign in?');
  });

  test('a choice leads through sign-in to the link', async () => {
    const { uri } = await vault.ask(person);
    const browser = vault.browser();
    const choice = await browser.get(uri);
    const href = /href="(\/login\?issuer=corporate[^"]*)"/.exec(choice.body)?.[1] ?? '';
    const page = await browser.get(vault.origin + href.replaceAll('&amp;', '&'));
    expect(heading(page)).toBe('Let Assistant use Snowdemo as you?');
  });

  test('pairwise subjects: the person is the subjectClaim, not sub', async () => {
    vault.provider.subject = 'pairwise-for-this-client';
    vault.provider.claims.set('pairwise-for-this-client', { oid: 'Alice-OID' });
    await vault.browser().get(`${vault.origin}/login?issuer=pairwise`);
    expect(await vault.count(`web_session WHERE subject = 'Alice-OID'`)).toBe(1);
  });

  test('an ID token without the subjectClaim signs nobody in', async () => {
    vault.provider.subject = 'without-oid';
    const page = await vault.browser().get(`${vault.origin}/login?issuer=pairwise`);
    expect([page.status, heading(page)]).toEqual([400, 'The sign-in did not finish.']);
  });

  test('the same subject of another issuer is another person', async () => {
    vault.provider.subject = 'x';
    vault.provider.claims.set('x', { oid: person });
    const { link } = await vault.ask(person);
    const browser = vault.browser();
    await browser.get(`${vault.origin}/login?issuer=pairwise`);
    expect((await browser.get(`${vault.origin}${link}`)).status).toBe(404);
  });
});
