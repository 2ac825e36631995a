import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { HttpBrowser, VisitedPage } from '#lib/testing/http-browser';
import { type LocalServer, startLocalServer } from '#lib/testing/local-server';
import { actionOf, ConnectFixture, csrfOf, heading } from './connect-fixture.js';

let vault: ConnectFixture;
let person: string;
let people = 0;
/** Where pasted tokens are tried: what it was sent last, and what it answers. */
let service: LocalServer;
let seen: string | undefined;
let answer = 200;

beforeAll(async () => {
  vault = await ConnectFixture.start();
  service = await startLocalServer((request, response) => {
    seen = request.headers.authorization;
    response.writeHead(answer).end();
  });
  const base = { type: 'http', url: 'http://127.0.0.1:9/' };
  const credential = { type: 'user-token', instructions: 'Open Settings.\nMake a <b>token</b>.' };
  await vault.put('upstreams/forge', { ...base, slug: 'forge', name: 'Forge', credential });
  await vault.put('upstreams/strict', {
    ...base,
    slug: 'strict',
    name: 'Strict',
    inject: { header: 'Authorization', scheme: 'token' },
    credential: {
      ...credential,
      pattern: 'frg_[a-z0-9]{6,}',
      check: { url: `${service.origin}/user` },
    },
  });
});
afterAll(async () => {
  await vault.stop();
  await service.stop();
});

beforeEach(() => {
  people += 1;
  person = `paster-${people}`;
  seen = undefined;
  answer = 200;
});

async function open(upstream = 'forge', about: object = {}) {
  const browser = await vault.signedIn(person);
  const asked = await vault.ask(person, { upstream, scopes: [], ...about });
  return { browser, asked, page: await browser.get(`${vault.origin}${asked.link}`) };
}

function paste(browser: HttpBrowser, page: VisitedPage, token: string): Promise<VisitedPage> {
  return browser.submit(page, '/token', { token });
}

function grants(): Promise<Record<string, unknown>[]> {
  return vault.rows(
    `SELECT g.status, a.sealed, extract(epoch FROM a.expires_at)::float8 AS until
       FROM user_grant g LEFT JOIN access_token a ON a.grant_id = g.id WHERE g.subject = $1`,
    [person],
  );
}

function jwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`;
}

describe('a token is pasted', () => {
  test('on the page that asks whether the application may use the service', async () => {
    const { browser, page } = await open();
    expect(heading(page)).toBe('Let Assistant use Forge as you?');
    expect(page.body).toContain('Add your <bdi>Forge</bdi> token.');
    expect(page.body).toContain('Open Settings.\nMake a &lt;b>token&lt;/b>.');
    expect(page.body).toContain(`Check the address: <strong>${new URL(vault.origin).host}`);
    const done = await paste(browser, page, '  pasted-token \n');
    expect(heading(done)).toBe('Forge is connected.');
    expect(await grants()).toEqual([
      { status: 'active', sealed: expect.any(Buffer) as Buffer, until: null },
    ]);
    expect(await vault.count(`client_consent WHERE subject = '${person}'`)).toBe(1);
  });

  test('a second application then sees our own page only', async () => {
    const { browser, page } = await open();
    await paste(browser, page, 'pasted-token');
    const second = await open('forge', { application: 'other' });
    expect(second.page.body).not.toContain('name="token"');
    const done = await second.browser.submit(second.page, actionOf(second.page), {
      decision: 'allow',
    });
    expect(heading(done)).toBe('Forge is connected.');
    expect(await grants()).toHaveLength(1);
  });

  test('a service that calls by itself is said to receive the token', async () => {
    const { page } = await open('forge', { consumer: 'robot' });
    expect(page.body).toContain('but it does receive your <bdi>Forge</bdi> token.');
  });

  test('the end of a token that is a JWT is noticed', async () => {
    const exp = Math.floor(Date.now() / 1000) + 900;
    const { browser, page } = await open();
    await paste(browser, page, jwt({ exp }));
    expect(await grants()).toMatchObject([{ until: exp }]);
  });

  test('to reconnect, the one before stays until another is saved', async () => {
    const { browser, page } = await open();
    await paste(browser, page, 'first-token');
    const [before] = await grants();
    const again = await open('forge', { purpose: 'reconnect' });
    expect(again.page.body).toContain('stays until you save another');
    await paste(again.browser, again.page, 'not a token');
    expect(await grants()).toEqual([before]);
    await paste(again.browser, again.page, 'second-token');
    const [after] = await grants();
    expect(after?.['sealed']).not.toEqual(before?.['sealed']);
  });

  test('on My connections, ahead of need, and is disconnected there', async () => {
    const browser = await vault.signedIn(person);
    const list = await browser.get(`${vault.origin}/connections`);
    const page = await browser.submit(list, '/connections/forge', { decision: 'connect' });
    expect(heading(page)).toBe('Connect Forge?');
    expect(heading(await paste(browser, page, 'pasted-token'))).toBe('Forge is connected.');
    const ask = await browser.get(`${vault.origin}/connections/forge`);
    expect(ask.body).toContain('still works there until you delete it');
    const over = await browser.submit(ask, '/connections/forge', { decision: 'disconnect' });
    expect(over.body).toContain('Forge is disconnected here.');
    expect(await grants()).toEqual([{ status: 'revoked', sealed: null, until: null }]);
    expect(await vault.count(`provider_revocation WHERE subject = '${person}'`)).toBe(0);
  });
});

describe('what is pasted', () => {
  test.each([
    ['nothing', 'forge', ' ', 'There was no token'],
    ['16,385 bytes', 'forge', 'a'.repeat(16_385), 'at most 16,384 bytes'],
    ['two words', 'forge', 'one two', 'That is not a token'],
    ['a line of a header', 'forge', 'one\r\nX-Evil: 1', 'That is not a token'],
    ['an expired JWT', 'forge', jwt({ exp: 1_000 }), 'has expired already'],
    ['another kind of token', 'strict', 'ghp_123456', 'does not look like a token'],
  ])('as %s is refused by name, and the question stays', async (_case, upstream, token, words) => {
    const { browser, page, asked } = await open(upstream);
    const refused = await paste(browser, page, token);
    expect(refused.status).toBe(422);
    expect(refused.body).toContain(words);
    expect(refused.body).toContain('Nothing was saved.');
    if (token.length > 2) expect(refused.body).not.toContain(token);
    expect(refused.url.href).not.toContain(encodeURIComponent(token.trim() || '%'));
    expect(await grants()).toEqual([]);
    expect(await vault.rows('SELECT status FROM interaction WHERE id = $1', [asked.id])).toEqual([
      { status: 'pending' },
    ]);
  });

  test('with 16,384 bytes is kept whole', async () => {
    const { browser, page } = await open();
    const done = await paste(browser, page, '&'.repeat(16_384));
    expect(heading(done)).toBe('Forge is connected.');
  });

  test('is tried where the service says, as every call will carry it', async () => {
    const { browser, page } = await open('strict');
    expect(heading(await paste(browser, page, 'frg_abc123'))).toBe('Strict is connected.');
    expect(seen).toBe('token frg_abc123');
  });

  test.each([401, 403])('and answered %i is not kept', async (status) => {
    answer = status;
    const { browser, page } = await open('strict');
    const refused = await paste(browser, page, 'frg_abc123');
    expect(refused.body).toContain('The service does not accept this token');
    expect(await grants()).toEqual([]);
  });

  test('and could not be checked is kept only if the person says so', async () => {
    answer = 503;
    const { browser, page } = await open('strict');
    const unknown = await paste(browser, page, 'frg_abc123');
    expect(heading(unknown)).toBe('Your Strict token could not be checked.');
    expect(unknown.body).not.toContain('frg_abc123');
    expect(await grants()).toEqual([]);
    const again = await browser.submit(unknown, '/requests/', { decision: 'keep' });
    expect(heading(again)).toBe('Let Assistant use Strict as you?');
    expect(await vault.count('unconfirmed_account')).toBe(0);
    const second = await paste(browser, again, 'frg_abc123');
    const done = await browser.submit(second, '/requests/', { decision: 'replace' });
    expect(heading(done)).toBe('Strict is connected.');
    expect(await grants()).toMatchObject([{ status: 'active' }]);
  });
});

describe('attacks on the token page', () => {
  test('row 1, another person’s link: the same page as an unknown one, and their token goes nowhere', async () => {
    const alice = await open();
    person = `mallory-${people}`;
    const mallory = await vault.signedIn(person);
    const theirs = await mallory.get(`${vault.origin}${alice.asked.link}`);
    expect([theirs.status, heading(theirs)]).toEqual([404, 'This link does not work here.']);
    const own = await open();
    const form = { csrf: csrfOf(own.page), version: '1', token: 'mallory-token' };
    const path = `/requests/${alice.asked.id}/token`;
    const posted = await mallory.post(`${vault.origin}${path}`, form);
    expect(posted.status).toBe(403);
    const signed = await own.browser.post(`${vault.origin}${path}`, form, {
      origin: vault.origin,
    });
    expect(signed.status).toBe(404);
    expect(await vault.count(`user_grant WHERE subject LIKE '%-${people}'`)).toBe(0);
  });

  test('row 4, allowing without a token: the word alone connects nothing and starts no trip', async () => {
    const { browser, page, asked } = await open();
    const form = { csrf: csrfOf(page), version: '1', decision: 'allow' };
    const next = await browser.post(`${vault.origin}/requests/${asked.id}`, form);
    expect(heading(next)).toBe('Let Assistant use Forge as you?');
    expect(await grants()).toEqual([]);
    expect(await vault.count(`client_consent WHERE subject = '${person}'`)).toBe(0);
    expect(await vault.count(`upstream_authorization WHERE interaction_id = '${asked.id}'`)).toBe(
      0,
    );
  });

  test('row 5, a form on a foreign page: 403, and nothing is saved', async () => {
    const { browser, page, asked } = await open();
    const form = { csrf: csrfOf(page), version: '1', token: 'planted' };
    const url = `${vault.origin}/requests/${asked.id}/token`;
    expect((await browser.post(url, form, { origin: 'https://evil.example' })).status).toBe(403);
    const cross = { 'sec-fetch-site': 'cross-site' };
    expect((await browser.post(url, form, cross)).status).toBe(403);
    expect((await browser.post(url, { ...form, csrf: 'x' })).status).toBe(403);
    expect(await grants()).toEqual([]);
  });

  test('row 6 and row 18: the page is not framed, not stored, not remembered', async () => {
    const { page } = await open();
    expect(page.headers.get('content-security-policy')).toContain(`frame-ancestors 'none'`);
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.body).toMatch(/<input class="field masked" type="text"[^>]* autocomplete="off"/);
  });

  test('row 7, markup in instructions is text', async () => {
    const { page } = await open();
    expect(page.body).not.toContain('<b>token');
  });

  test('row 12, a second post of one page: one token, one record', async () => {
    const { browser, page, asked } = await open();
    const form = { csrf: csrfOf(page), version: '1' };
    const url = `${vault.origin}/requests/${asked.id}/token`;
    await Promise.all(
      Array.from({ length: 8 }, (_, n) => browser.post(url, { ...form, token: `token-${n}` })),
    );
    expect(await vault.rows('SELECT version FROM user_grant WHERE subject = $1', [person])).toEqual(
      [{ version: '2' }],
    );
    const stored = `audit_event WHERE action = 'grant.stored' AND actor->>'subject' = '${person}'`;
    expect(await vault.count(stored)).toBe(1);
  });

  test('row 14, guessing tokens at the service’s check: 429 after twenty', async () => {
    answer = 401;
    const { browser, page, asked } = await open('strict');
    const form = { csrf: csrfOf(page), version: '1' };
    const url = `${vault.origin}/requests/${asked.id}/token`;
    const statuses: number[] = [];
    for (let n = 0; n < 22; n += 1)
      statuses.push((await browser.post(url, { ...form, token: `frg_guess${n}` })).status);
    expect(statuses.filter((status) => status === 422)).toHaveLength(20);
    expect(statuses.at(-1)).toBe(429);
  });

  test('row 40, the token in logs and audit: nowhere', async () => {
    const canary = 'canary-of-a-pasted-token';
    const { browser, page } = await open();
    await paste(browser, page, `${canary} twice`);
    await paste(browser, page, canary);
    const records = await vault.rows('SELECT * FROM audit_event');
    const pages = await vault.rows('SELECT * FROM interaction');
    expect([...vault.log, JSON.stringify([records, pages])].join('\n')).not.toContain(canary);
  });

  test('an interaction that has expired takes no token', async () => {
    const { browser, page, asked } = await open();
    await vault.rows('UPDATE interaction SET expires_at = now() WHERE id = $1', [asked.id]);
    const over = await paste(browser, page, 'too-late');
    expect(heading(over)).toBe('This link has expired.');
    expect(await grants()).toEqual([]);
  });
});
