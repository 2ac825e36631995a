import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { HttpBrowser, VisitedPage } from '#lib/testing/http-browser';
import { sendJson, startLocalServer } from '#lib/testing/local-server';
import { status } from '#lib/testing/scripted-answer';
import { actionOf, ConnectFixture, heading } from './connect-fixture.js';

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
  vault.provider.authorizationError = undefined;
  vault.provider.claims.set(vault.provider.subject, { preferred_username: `${person}@upstream` });
});

async function decide(
  browser: HttpBrowser,
  page: VisitedPage,
  decision: string,
): Promise<VisitedPage> {
  return browser.submit(page, actionOf(page), { decision });
}

async function connect(browser: HttpBrowser, link?: string): Promise<VisitedPage> {
  const path = link ?? (await vault.ask(person)).link;
  const page = await browser.get(`${vault.origin}${path}`);
  return decide(browser, page, 'allow');
}

test('a link leads through sign-in, consent and the provider to Done', async () => {
  const { uri } = await vault.ask(person);
  vault.corporate.subject = person;
  const browser = vault.browser();
  const asked = await browser.get(uri);
  expect(heading(asked)).toBe('Let Assistant use Snowdemo as you?');
  expect(asked.url.href).toBe(uri);
  expect(asked.body).toContain('Checked by your organisation');
  const done = await decide(browser, asked, 'allow');
  expect(heading(done)).toBe(`Snowdemo is connected as ${person}@upstream.`);
  expect(done.body).toContain('is continuing; you can close this tab');
});

test.each(['completed', 'declined'])(
  'who came from a service’s own page goes back there, told that it was %s',
  async (ending) => {
    const app = await startLocalServer((_request, response) => sendJson(response, 200, {}));
    const returnUri = `${app.origin}/back?from=vault`;
    const { link, id } = await vault.ask(person, { returnUri });
    const browser = await vault.signedIn(person);
    const asked = await browser.get(`${vault.origin}${link}`);
    const back = await decide(browser, asked, ending === 'completed' ? 'allow' : 'decline');
    expect(back.url.href).toBe(`${returnUri}&interaction_id=${id}&status=${ending}`);
    await app.stop();
  },
);

test('one transaction holds interaction, grant, consent and audit', async () => {
  const browser = await vault.signedIn(person);
  const { id, link } = await vault.ask(person);
  await connect(browser, link);
  expect(await vault.rows('SELECT status FROM interaction WHERE id = $1', [id])).toEqual([
    { status: 'completed' },
  ]);
  expect(
    await vault.rows('SELECT upstream_account, status FROM user_grant WHERE subject = $1', [
      person,
    ]),
  ).toEqual([{ upstream_account: `${person}@upstream`, status: 'active' }]);
  expect(
    await vault.rows(
      'SELECT application, consumer, scopes FROM client_consent WHERE subject = $1',
      [person],
    ),
  ).toEqual([
    {
      application: 'assistant-client',
      consumer: 'gateway',
      scopes: ['offline_access', 'openid', 'warehouse:read'],
    },
  ]);
  const actions = await vault.rows(
    `SELECT action FROM audit_event WHERE actor->>'subject' = $1 ORDER BY sequence`,
    [person],
  );
  expect(actions.map(({ action }) => action)).toEqual([
    'session.opened',
    'interaction.opened',
    'authorization.started',
    'grant.stored',
    'consent.given',
  ]);
});

describe('a second application', () => {
  test('sees our page once and no provider', async () => {
    const browser = await vault.signedIn(person);
    await connect(browser);
    const before = vault.provider.count('authorize');
    const { link } = await vault.ask(person, { application: 'unheard-of' });
    const page = await browser.get(`${vault.origin}${link}`);
    expect(heading(page)).toBe('Let unheard-of use Snowdemo as you?');
    expect(page.body).toContain('Nobody at your organisation has checked this app.');
    expect(page.body).not.toContain('continue to');
    expect(heading(await decide(browser, page, 'allow'))).toContain('is connected');
    expect(vault.provider.count('authorize')).toBe(before);
    const consents = await vault.rows(
      'SELECT application FROM client_consent WHERE subject = $1 ORDER BY application',
      [person],
    );
    expect(consents).toHaveLength(2);
  });

  test('goes to the provider when it wants more', async () => {
    const browser = await vault.signedIn(person);
    await connect(browser);
    const { link } = await vault.ask(person, {
      application: 'other',
      purpose: 'scopes',
      scopes: ['warehouse:write'],
    });
    const page = await browser.get(`${vault.origin}${link}`);
    expect(page.body).toContain('continue to');
    await decide(browser, page, 'allow');
    const [grant] = await vault.rows('SELECT requested_scopes FROM user_grant WHERE subject = $1', [
      person,
    ]);
    expect(grant).toEqual({
      requested_scopes: ['offline_access', 'openid', 'warehouse:read', 'warehouse:write'],
    });
  });
});

describe('every step again', () => {
  test('declining tells so, and the question can be asked again', async () => {
    const browser = await vault.signedIn(person);
    const { id, link } = await vault.ask(person);
    const page = await browser.get(`${vault.origin}${link}`);
    const declined = await decide(browser, page, 'decline');
    expect(heading(declined)).toBe('Nothing was connected.');
    expect(heading(await browser.get(`${vault.origin}${link}`))).toBe('Nothing was connected.');
    const anew = await decide(browser, declined, 'restart');
    expect(heading(anew)).toBe('Let Assistant use Snowdemo as you?');
    expect(anew.url.pathname).not.toContain(id);
    expect(await vault.count(`user_grant WHERE subject = '${person}'`)).toBe(0);
  });

  test('a link that is too old shows so to its owner only, who can start again', async () => {
    const browser = await vault.signedIn(person);
    const { id, link } = await vault.ask(person);
    await vault.rows(`UPDATE interaction SET expires_at = now() - interval '1 s' WHERE id = $1`, [
      id,
    ]);
    const expired = await browser.get(`${vault.origin}${link}`);
    expect([expired.status, heading(expired)]).toEqual([410, 'This link has expired.']);
    const anew = await decide(browser, expired, 'restart');
    expect(heading(await decide(browser, anew, 'allow'))).toContain('is connected');
  });

  test('Allow on a page that has expired meanwhile shows Expired', async () => {
    const browser = await vault.signedIn(person);
    const { id, link } = await vault.ask(person);
    const page = await browser.get(`${vault.origin}${link}`);
    await vault.rows(`UPDATE interaction SET expires_at = now() WHERE id = $1`, [id]);
    expect(heading(await decide(browser, page, 'allow'))).toBe('This link has expired.');
  });

  test('a double click, the back button and a reload end at Done', async () => {
    const browser = await vault.signedIn(person);
    const { link } = await vault.ask(person);
    const page = await browser.get(`${vault.origin}${link}`);
    const both = await Promise.all([
      decide(browser, page, 'allow'),
      decide(browser, page, 'allow'),
    ]);
    expect(both.map(heading)).toContain(`Snowdemo is connected as ${person}@upstream.`);
    const back = await browser.get(`${vault.origin}${link}`);
    expect(heading(back)).toContain('is connected');
    expect(heading(await decide(browser, page, 'allow'))).toContain('is connected');
  });

  test('two tabs: what one ends, the other shows', async () => {
    const browser = await vault.signedIn(person);
    const { link } = await vault.ask(person);
    const one = await browser.get(`${vault.origin}${link}`);
    const two = await browser.get(`${vault.origin}${link}`);
    await decide(browser, one, 'decline');
    expect(heading(await decide(browser, two, 'allow'))).toBe('Nothing was connected.');
  });

  test('the page on the way can be loaded again, and after the return shows Done', async () => {
    const browser = await vault.signedIn(person, (url) => url.pathname.includes('/go/'));
    const { link } = await vault.ask(person);
    const page = await browser.get(`${vault.origin}${link}`);
    const going = (await decide(browser, page, 'allow')).url;
    const cookie = cookiesOf(browser);
    const once = await vault.fetch(going.pathname, { headers: { cookie } });
    const again = await vault.fetch(going.pathname, { headers: { cookie } });
    expect(once.headers.get('refresh')).toBe(again.headers.get('refresh'));
    const authorize = /url=(.*)$/.exec(once.headers.get('refresh') ?? '')?.[1] ?? '';
    await browser.get(authorize);
    const after = await vault.fetch(going.pathname, { headers: { cookie } });
    expect([after.status, after.headers.get('location')]).toEqual([303, actionOf(page)]);
  });
});

describe('the request grows while the page is open', () => {
  test('tampered or outdated scopes: Allow of the old page allows nothing', async () => {
    const browser = await vault.signedIn(person);
    const { link } = await vault.ask(person);
    const page = await browser.get(`${vault.origin}${link}`);
    await vault.ask(person, { scopes: ['warehouse:admin'] });
    const again = await browser.submit(page, actionOf(page), {
      decision: 'allow',
      scopes: 'everything',
    });
    expect([again.status, heading(again)]).toEqual([409, 'Let Assistant use Snowdemo as you?']);
    expect(again.body).toContain('The request has changed');
    expect(again.body).toContain('warehouse:admin');
    expect(await vault.count(`user_grant WHERE subject = '${person}'`)).toBe(0);
    expect(heading(await decide(browser, again, 'allow'))).toContain('is connected');
  });

  test('growth while at the provider: what was not shown is not allowed', async () => {
    const browser = await vault.signedIn(person, (url) => url.pathname === '/callback/snowid');
    const { link } = await vault.ask(person);
    const page = await browser.get(`${vault.origin}${link}`);
    const callback = (await decide(browser, page, 'allow')).url;
    await vault.ask(person, { scopes: ['warehouse:admin'] });
    const shown = await browser.get(callback);
    expect(heading(shown)).toBe('Let Assistant use Snowdemo as you?');
    expect(await vault.count(`client_consent WHERE subject = '${person}'`)).toBe(0);
  });
});

describe('the provider refuses', () => {
  test('its reason is told in our words, never in its own, and Try again works', async () => {
    const browser = await vault.signedIn(person);
    vault.provider.authorizationError = 'access_denied';
    const refused = await connect(browser);
    expect(heading(refused)).toBe('Snow ID did not finish the connection.');
    expect(refused.body).toMatch(/Reference for IT: <code>req_[0-9a-z]{26}/);
    vault.provider.authorizationError = undefined;
    const again = await browser.get(`${refused.url.href}?again=1`);
    expect(heading(await decide(browser, again, 'allow'))).toContain('is connected');
  });

  test.each([
    ['an outage at the token endpoint', 503, 'does not answer right now'],
    ['a registration that it refuses', 401, 'IT team'],
  ])('%s is told as such', async (_case, code, words) => {
    const browser = await vault.signedIn(person);
    const error = code === 401 ? 'invalid_client' : 'server_error';
    vault.provider.script('token', status(code, { error }));
    const refused = await connect(browser);
    expect(refused.body).toContain(words);
    expect(await vault.count(`user_grant WHERE subject = '${person}'`)).toBe(0);
  });
});

describe('row 13: another upstream account', () => {
  async function returnAs(browser: HttpBrowser, subject: string): Promise<VisitedPage> {
    vault.provider.subject = subject;
    vault.provider.claims.set(subject, { preferred_username: `${subject}@upstream` });
    const { link } = await vault.ask(person, { purpose: 'reconnect' });
    return connect(browser, link);
  }
  const held = () =>
    vault.rows('SELECT upstream_subject, token_version FROM user_grant WHERE subject = $1', [
      person,
    ]);

  test('the old grant is intact until it is confirmed', async () => {
    const browser = await vault.signedIn(person);
    await connect(browser);
    const before = await held();
    const page = await returnAs(browser, 'somebody-else');
    expect(heading(page)).toBe('You signed in to Snow ID as somebody-else@upstream.');
    expect(await held()).toEqual(before);
    const sealed = await vault.rows('SELECT sealed FROM unconfirmed_account');
    expect(String(sealed[0]?.['sealed'])).not.toContain('at_');
  });

  test('Use this one replaces it', async () => {
    const browser = await vault.signedIn(person);
    await connect(browser);
    const page = await returnAs(browser, `new-${person}`);
    const done = await decide(browser, page, 'replace');
    expect(heading(done)).toBe(`Snowdemo is connected as new-${person}@upstream.`);
    expect(await held()).toMatchObject([{ upstream_subject: `new-${person}` }]);
    expect(await vault.count(`unconfirmed_account`)).toBe(
      await vault.count(`interaction WHERE status = 'confirming'`),
    );
  });

  test('nobody confirms it in time: the new tokens end at the provider, the old grant stays', async () => {
    const browser = await vault.signedIn(person);
    await connect(browser);
    const before = await held();
    await returnAs(browser, `late-${person}`);
    const [family] = vault.provider.families.all.filter((one) => one.subject === `late-${person}`);
    expect(family?.revoked).toBe(false);
    await vault.rows(
      `UPDATE unconfirmed_account SET expires_at = now() WHERE upstream_subject = $1`,
      [`late-${person}`],
    );
    await expect.poll(() => family?.revoked, { timeout: 15_000 }).toBe(true);
    expect(await held()).toEqual(before);
    await expect
      .poll(() =>
        vault.rows(`SELECT state, cause, sealed FROM provider_revocation WHERE subject = $1`, [
          person,
        ]),
      )
      .toEqual([{ state: 'revoked', cause: 'unconfirmed-account', sealed: null }]);
  });

  test('Keep the old one ends the new tokens at the provider and asks again', async () => {
    const browser = await vault.signedIn(person);
    await connect(browser);
    const before = await held();
    const page = await returnAs(browser, `other-${person}`);
    const revoked = vault.provider.count('revoke');
    const asked = await decide(browser, page, 'keep');
    expect(heading(asked)).toBe('Let Assistant use Snowdemo as you?');
    expect(await held()).toEqual(before);
    expect(vault.provider.count('revoke')).toBeGreaterThan(revoked);
  });
});

function cookiesOf(browser: HttpBrowser): string {
  return browser.cookieHeader('localhost');
}
