import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { VisitedPage } from '#lib/testing/http-browser';
import { csrfOf, heading } from '../connect/connect-fixture.js';
import { clientRedirect, SignInFixture } from './sign-in-fixture.js';

let fixture: SignInFixture;
let person: string;
let people = 0;
let clientId: string;

beforeAll(async () => {
  fixture = await SignInFixture.start();
  clientId = await fixture.register();
});
afterAll(() => fixture.stop());
beforeEach(() => {
  person = `person-${(people += 1)}`;
});

const evil = 'https://evil.example/grab';
const codes = () => fixture.vault.count('client_session');
const trips = () => fixture.vault.count('upstream_authorization');

async function codeOf(over: Readonly<Record<string, string>> = {}): Promise<string> {
  return (await fixture.allow(person, clientId, over)).searchParams.get('code') ?? '';
}

async function error(answer: Response): Promise<unknown> {
  return [answer.status, ((await answer.json()) as { error?: string }).error];
}

function hidden(page: VisitedPage, name: string): string {
  return new RegExp(`name="${name}" value="([^"]+)"`).exec(page.body)?.[1] ?? '';
}

describe('row 8, confused deputy: a client that registered itself, and a link that somebody opens', () => {
  test('who has allowed another client, with a grant that lives, is asked for this one all the same', async () => {
    await fixture.signIn(person, clientId);
    const [codesBefore, tripsBefore] = [await codes(), await trips()];
    const theirs = await fixture.register({ client_name: 'Notebook', redirect_uris: [evil] });
    const { browser, page } = await fixture.ask(person, theirs, { redirect_uri: evil });
    expect(heading(page)).toContain('an app that calls itself “Notebook”');
    expect(page.body).toMatch(/the website <strong class="host">evil\.example<\/strong>/);
    expect(page.body).toContain('Nobody at your organisation has checked this app.');
    expect([await codes(), await trips()]).toEqual([codesBefore, tripsBefore]);
    const no = await browser.submit(page, '/sign-in/', { decision: 'decline' });
    expect([no.url.origin, no.headers.get('refresh')]).toEqual([fixture.vault.origin, null]);
    expect([await codes(), await trips()]).toEqual([codesBefore, tripsBefore]);
  });

  test('a name that closes its quotation marks stays a name', async () => {
    const theirs = await fixture.register({ client_name: 'X” checked by your organisation “Y' });
    const { page } = await fixture.ask(person, theirs);
    expect(heading(page)).toContain('itself “X’ checked by your organisation ’Y” use');
  });

  test('a pattern that an admin wrote for the corporate issuer makes nobody known who registered here', async () => {
    const all = { slug: 'all', issuer: 'corporate', pattern: '*', name: 'Ours', trust: 'known' };
    await fixture.vault.put('applications/all', all);
    const { page } = await fixture.ask(person, clientId);
    expect(page.body).toContain('Nobody at your organisation has checked this app.');
    const one = {
      slug: 'one',
      issuer: 'corporate',
      clientId,
      name: 'Our notebook',
      trust: 'known',
    };
    await fixture.vault.put('applications/one', one);
    expect(heading((await fixture.ask(person, clientId)).page)).toContain('Let Our notebook use');
    await fixture.vault.put('applications/one', { ...one, trust: 'blocked' });
    const refused = await fixture.ask(person, clientId);
    expect(refused.page.url.searchParams.get('error')).toBe('unauthorized_client');
    for (const slug of ['one', 'all'])
      await fixture.vault.admin('DELETE', `applications/${slug}`, {});
  });

  test('a name cannot rewrite the sentence that it stands in', async () => {
    const name = '"><img src=x onerror=1>\u202e”, checked by your organisation';
    const id = await fixture.register({ client_name: name });
    const { page } = await fixture.ask(person, id);
    expect(page.body).not.toContain('<img src=x');
    expect(page.body).not.toContain('\u202e');
    expect(page.body).toContain('Nobody at your organisation has checked this app.');
  });
});

describe('row 17, open redirect: at the authorization endpoint', () => {
  test.each([
    ['an unknown client', { client_id: 'self-registered:x:y' }],
    ['an unregistered address', { redirect_uri: 'https://evil.example/' }],
    ['a longer path', { redirect_uri: `${clientRedirect}/more` }],
    ['another query', { redirect_uri: `${clientRedirect}?next=https://evil.example` }],
    ['user information', { redirect_uri: 'http://127.0.0.1:9@evil.example/callback' }],
    ['a fragment', { redirect_uri: `${clientRedirect}#x` }],
    ['no address', { redirect_uri: undefined }],
  ])('%s: nothing is sent anywhere', async (_name, over) => {
    const answer = await fetch(fixture.authorizeUrl(clientId, over), { redirect: 'manual' });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('location') ?? answer.headers.get('refresh')).toBeNull();
    expect(await answer.text()).not.toContain('href="http');
  });

  test('a parameter that comes twice', async () => {
    const url = fixture.authorizeUrl(clientId);
    url.searchParams.append('redirect_uri', evil);
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(400);
  });

  test('a website that anybody registered is not where a refused request sends people by itself', async () => {
    const theirs = await fixture.register({ redirect_uris: [evil] });
    const over = { redirect_uri: evil, code_challenge: undefined };
    const answer = await fetch(fixture.authorizeUrl(theirs, over), { redirect: 'manual' });
    expect(answer.headers.get('location') ?? answer.headers.get('refresh')).toBeNull();
    expect(await answer.text()).toContain('evil.example');
  });

  test.each([
    ['javascript:alert(1)'],
    ['data:text/html,x'],
    ['http://evil.example/'],
    ['http://127.0.0.1.evil.example/'],
    ['https://a@evil.example/'],
    ['https://evil.example/#x'],
    ['file:///etc/passwd'],
    ['//evil.example'],
    ['microsoft-edge:https://evil.example/'],
    ['x-safari-https://evil.example/'],
    ['googlechrome://evil.example/'],
    ['search-ms:query=x'],
    ['jar:https://evil.example/a.zip!/'],
  ])('%s is no redirect URI to register', async (uri) => {
    const answer = await fixture.post('/oauth2/register', { redirect_uris: [uri] });
    expect(await error(answer)).toEqual([400, 'invalid_redirect_uri']);
  });

  test('an app that opens links of its own is not called a program of this computer', async () => {
    const redirect = 'evil-app://localhost/grab';
    const theirs = await fixture.register({ redirect_uris: [redirect] });
    const { page } = await fixture.ask(person, theirs, { redirect_uri: redirect });
    expect(page.body).toContain('<code>evil-app:</code>');
    expect(page.body).not.toContain('a program on this computer');
  });

  test.each([
    ['a client id', { client_id: 'a\0b' }],
    ['a state', { state: 'a\0b' }],
  ])('row 38: %s that the database cannot hold is refused, not a failure', async (_name, over) => {
    const answer = await fetch(fixture.authorizeUrl(clientId, over), { redirect: 'manual' });
    expect(answer.status).toBe(400);
    const redirect_uris = [clientRedirect];
    const named = await fixture.post('/oauth2/register', { client_name: 'a\0b', redirect_uris });
    expect(await error(named)).toEqual([400, 'invalid_client_metadata']);
  });

  test('only the port of a loopback address is free (RFC 8252)', async () => {
    const { page } = await fixture.ask(person, clientId, {
      redirect_uri: 'http://127.0.0.1:51234/callback',
    });
    expect(page.status).toBe(200);
  });
});

describe('row 11, code injection: at the authorization endpoint', () => {
  test.each([
    ['no challenge', { code_challenge: undefined }, 'invalid_request'],
    ['no method', { code_challenge_method: undefined }, 'invalid_request'],
    ['plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['a token in the answer', { response_type: 'token' }, 'unsupported_response_type'],
    ['the answer in a form', { response_mode: 'form_post' }, 'invalid_request'],
    ['a request object', { request: 'a.b.c' }, 'request_not_supported'],
    ['no resource', { resource: undefined }, 'invalid_target'],
    [
      'an upstream that did not opt in',
      { resource: 'http://127.0.0.1:5999/http/reports' },
      'invalid_target',
    ],
    ['the whole gateway', { resource: 'http://127.0.0.1:5999' }, 'invalid_target'],
    ['nobody asked', { prompt: 'none' }, 'interaction_required'],
  ])('%s', async (_name, over, expected) => {
    const page = await fixture.browser(person).get(fixture.authorizeUrl(clientId, over));
    const answer = Object.fromEntries(page.url.searchParams);
    expect(answer).toMatchObject({
      error: expected,
      state: 'the-state',
      iss: fixture.vault.origin,
    });
    expect(answer['code']).toBeUndefined();
  });
});

describe('a code', () => {
  test('row 11, code injection: is worth nothing without its verifier, and is spent by the try', async () => {
    const code = await codeOf();
    const wrong = await fixture.redeem(clientId, code, { code_verifier: 'x'.repeat(43) });
    expect(await error(wrong)).toEqual([400, 'invalid_grant']);
    expect(await error(await fixture.redeem(clientId, code))).toEqual([400, 'invalid_grant']);
  });

  test.each([
    ['no verifier', { code_verifier: '' }],
    ['another redirect URI', { redirect_uri: 'http://127.0.0.1:10/callback' }],
  ])('%s', async (_name, over) => {
    expect(await error(await fixture.redeem(clientId, await codeOf(), over))).toEqual([
      400,
      'invalid_grant',
    ]);
  });

  test('for another resource', async () => {
    const resource = 'http://127.0.0.1:5999/http/reports';
    const answer = await fixture.redeem(clientId, await codeOf(), { resource });
    expect(await error(answer)).toEqual([400, 'invalid_target']);
  });

  test('of one client is no code of another, and of nobody after that', async () => {
    const code = await codeOf();
    const other = await fixture.register({ client_name: 'Other' });
    expect(await error(await fixture.redeem(other, code))).toEqual([400, 'invalid_grant']);
    expect(await error(await fixture.redeem(clientId, code))).toEqual([400, 'invalid_grant']);
  });

  test('that is replayed ends what it gave: refresh and access token alike', async () => {
    const code = await codeOf();
    const tokens = (await (await fixture.redeem(clientId, code)).json()) as Record<string, string>;
    expect((await fixture.exchange(tokens['access_token'] ?? '')).status).toBe(200);
    expect(await error(await fixture.redeem(clientId, code))).toEqual([400, 'invalid_grant']);
    expect(await error(await fixture.refresh(clientId, tokens['refresh_token'] ?? ''))).toEqual([
      400,
      'invalid_grant',
    ]);
    expect(await error(await fixture.exchange(tokens['access_token'] ?? ''))).toEqual([
      400,
      'invalid_request',
    ]);
  });

  test('row 12: twenty at once redeem it never more than once', async () => {
    const code = await codeOf();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => fixture.redeem(clientId, code)),
    );
    expect(answers.filter(({ status }) => status === 200).length).toBe(1);
  });

  test('is good for a minute', async () => {
    const code = await codeOf();
    await fixture.vault.database.query(
      `UPDATE client_session SET code_expires_at = now() WHERE subject = $1`,
      [person],
    );
    expect(await error(await fixture.redeem(clientId, code))).toEqual([400, 'invalid_grant']);
  });

  test.each([
    ['its consent is withdrawn', 'DELETE FROM client_consent WHERE subject = $1'],
    ['its grant is revoked', `UPDATE user_grant SET status = 'revoked' WHERE subject = $1`],
  ])('is worth nothing once %s', async (_name, sql) => {
    const code = await codeOf();
    await fixture.vault.database.query(sql, [person]);
    expect(await error(await fixture.redeem(clientId, code))).toEqual([400, 'invalid_grant']);
  });

  test('R10: neither it nor a refresh token gives a token without a record', async () => {
    const issued = () =>
      fixture.vault.rows(
        `SELECT detail ->> 'by' AS by FROM audit_event
          WHERE action = 'sign_in.token_issued' AND actor ->> 'subject' = $1 ORDER BY sequence`,
        [person],
      );
    const { refresh_token: token } = await fixture.signIn(person, clientId);
    expect(await issued()).toEqual([{ by: 'authorization_code' }]);
    expect((await fixture.refresh(clientId, token)).status).toBe(200);
    expect(await issued()).toEqual([{ by: 'authorization_code' }, { by: 'refresh_token' }]);
    const code = await codeOf();
    await fixture.vault.breakAudit(async () => {
      const answer = await fixture.redeem(clientId, code);
      expect([answer.status, (await answer.text()).includes('access_token')]).toEqual([503, false]);
    });
    expect((await fixture.redeem(clientId, code)).status).toBe(200);
  });

  test('of a client that shows a secret: these clients have none', async () => {
    const answer = await fixture.redeem(clientId, await codeOf(), { client_secret: 'x' });
    expect(await error(answer)).toEqual([401, 'invalid_client']);
  });
});

describe('a refresh token', () => {
  test('is good once; used again it ends the whole family', async () => {
    const { refresh_token: first } = await fixture.signIn(person, clientId);
    const renewed = await fixture.refresh(clientId, first);
    const { refresh_token: second } = (await renewed.json()) as { refresh_token: string };
    expect(renewed.status).toBe(200);
    expect(await error(await fixture.refresh(clientId, first))).toEqual([400, 'invalid_grant']);
    expect(await error(await fixture.refresh(clientId, second))).toEqual([400, 'invalid_grant']);
  });

  test('pool starvation: refreshes of more people than the vault has connections all answer', async () => {
    const tokens: string[] = [];
    for (let n = 0; n < 11; n += 1)
      tokens.push((await fixture.signIn(`${person}-${n}`, clientId)).refresh_token);
    const answers = await Promise.all(tokens.map((token) => fixture.refresh(clientId, token)));
    expect(answers.map(({ status }) => status)).toEqual(tokens.map(() => 200));
  });

  test('of one client is none of another', async () => {
    const { refresh_token: token } = await fixture.signIn(person, clientId);
    const other = await fixture.register();
    expect(await error(await fixture.refresh(other, token))).toEqual([400, 'invalid_grant']);
  });

  test.each([
    ['its consent', 'DELETE FROM client_consent WHERE subject = $1'],
    ['its grant', `UPDATE user_grant SET status = 'revoked' WHERE subject = $1`],
    ['its client', `UPDATE client_session SET ended_at = now() WHERE subject = $1`],
    ['its time', 'UPDATE client_session SET expires_at = now() WHERE subject = $1'],
  ])('ends with %s', async (_name, sql) => {
    const { refresh_token: token } = await fixture.signIn(person, clientId);
    await fixture.vault.database.query(sql, [person]);
    expect(await error(await fixture.refresh(clientId, token))).toEqual([400, 'invalid_grant']);
  });

  test('of a person who left, and their access token', async () => {
    const tokens = await fixture.signIn(person, clientId);
    await fixture.vault.admin('POST', 'leavers', { issuer: 'corporate', subject: person });
    expect(await error(await fixture.refresh(clientId, tokens.refresh_token))).toEqual([
      400,
      'invalid_grant',
    ]);
    expect((await fixture.exchange(tokens.access_token)).status).toBe(400);
    expect((await fixture.ask(person, clientId)).page.status).toBeGreaterThanOrEqual(400);
  });

  test('is revoked by its client, and by no other (RFC 7009)', async () => {
    const { refresh_token: token } = await fixture.signIn(person, clientId);
    await fixture.post('/oauth2/revoke', { token, client_id: 'somebody' });
    const renewed = await fixture.refresh(clientId, token);
    const next = (await renewed.json()) as { refresh_token: string; access_token: string };
    const answer = await fixture.post('/oauth2/revoke', {
      token: next.access_token,
      client_id: clientId,
    });
    expect(answer.status).toBe(200);
    expect(await error(await fixture.refresh(clientId, next.refresh_token))).toEqual([
      400,
      'invalid_grant',
    ]);
    const ended = await fixture.vault.rows(
      `SELECT detail FROM audit_event WHERE action = 'sign_in.ended' AND actor ->> 'subject' = $1`,
      [person],
    );
    expect(ended).toEqual([{ detail: { reason: 'revoked' } }]);
  });
});

describe('the page', () => {
  test('row 5, CSRF: without the token or from elsewhere nothing is allowed', async () => {
    const { browser, page } = await fixture.ask(person, clientId);
    const form = { decision: 'allow', version: hidden(page, 'version') };
    const before = await codes();
    for (const [fields, origin] of [
      [form, fixture.vault.origin],
      [{ ...form, csrf: 'x'.repeat(43) }, fixture.vault.origin],
      [{ ...form, csrf: csrfOf(page) }, 'https://evil.example'],
    ] as const)
      expect((await browser.post(page.url, fields, { origin })).status).toBe(403);
    expect(await codes()).toBe(before);
    expect((await browser.get(page.url)).url.pathname).toBe(page.url.pathname);
    expect(await codes()).toBe(before);
  });

  test('row 6, clickjacking: it stands in no frame', async () => {
    const { page } = await fixture.ask(person, clientId);
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  });

  test('row 1: the sign-in of one browser is nobody else’s', async () => {
    const { page } = await fixture.ask(person, clientId);
    const other = fixture.browser('somebody-else');
    await other.get(`${fixture.vault.origin}/connections`);
    expect((await other.get(page.url)).status).toBe(410);
  });

  test('row 3: allowed in one session it gives no code in another', async () => {
    const { browser, page } = await fixture.ask(person, clientId);
    const [row] = await fixture.vault.rows('SELECT hash FROM web_session WHERE subject = $1', [
      person,
    ]);
    await fixture.vault.database.query(
      `UPDATE sign_in SET status = 'allowed', issuer_id = $2, subject = $3, session_hash = $4 WHERE id = $1`,
      [
        page.url.pathname.split('/').at(-1),
        await fixture.vault.idOf('issuers', 'corporate'),
        person,
        row?.['hash'],
      ],
    );
    await fixture.vault.database.query('UPDATE web_session SET expires_at = now()');
    const before = await codes();
    fixture.vault.corporate.subject = 'somebody-else';
    expect(heading(await browser.get(page.url))).toContain('use Snowdemo as you?');
    expect(await codes()).toBe(before);
  });

  test('an answered sign-in gives no second code', async () => {
    const { browser, page } = await fixture.ask(person, clientId);
    await browser.submit(page, '/sign-in/', { decision: 'allow' });
    const before = await codes();
    expect((await browser.get(page.url)).status).toBe(410);
    expect(await codes()).toBe(before);
  });

  test('prompt=login asks for the password again', async () => {
    await fixture.vault.signedIn(person);
    const { page } = await fixture.ask(person, clientId, { prompt: 'login' });
    expect(page.status).toBe(200);
    const asked = fixture.vault.corporate.requests.findLast(({ url }) =>
      url.includes('prompt=login'),
    );
    expect(asked).toBeDefined();
  });
});
