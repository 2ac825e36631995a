import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { HttpBrowser, VisitedPage } from '#lib/testing/http-browser';
import { status } from '#lib/testing/scripted-answer';
import { actionOf, ConnectFixture, csrfOf, heading } from './connect-fixture.js';

let vault: ConnectFixture;
let person: string;
let people = 0;
let browser: HttpBrowser;

beforeAll(async () => {
  vault = await ConnectFixture.start();
});
afterAll(() => vault.stop());

beforeEach(async () => {
  people += 1;
  person = `person-${people}`;
  vault.provider.subject = `snow-${person}`;
  vault.provider.claims.set(vault.provider.subject, { preferred_username: `${person}@upstream` });
  browser = await vault.signedIn(person);
});

const home = () => browser.get(`${vault.origin}/connections`);

async function decide(path: string, fields: Record<string, string>): Promise<VisitedPage> {
  return browser.post(`${vault.origin}${path}`, { csrf: csrfOf(await home()), ...fields });
}

async function connected(application = 'assistant-client'): Promise<void> {
  const { link } = await vault.ask(person, { application });
  const page = await browser.get(`${vault.origin}${link}`);
  const done = await browser.submit(page, actionOf(page), { decision: 'allow' });
  expect(heading(done)).toContain('is connected');
}

test('the front door is my connections', async () => {
  const page = await browser.get(`${vault.origin}/`);
  expect([page.url.pathname, heading(page)]).toEqual(['/connections', 'My connections']);
});

test('nothing yet: says so, and offers what can be connected', async () => {
  const { body } = await home();
  expect(body).toContain('Nothing is connected yet.');
  expect(body).toMatch(/Snowdemo.*Connect/s);
  expect(body).toMatch(/Reports.*Connect/s);
});

test('a connection shows account, applications, since, last used and its state in words', async () => {
  await connected();
  await connected('unheard-of');
  const { body } = await home();
  expect(body).toContain(`<bdi>${person}@upstream</bdi>`);
  expect(body).toMatch(/<bdi>Assistant<\/bdi>.*<bdi>unheard-of<\/bdi>.*not checked/s);
  expect(body).toContain('Working');
  expect(body).toMatch(/Last used<\/dt><dd>not yet/);
});

test('connecting ahead of need has a page without an application, and leaves no consent', async () => {
  const asked = await decide('/connections/reports', { decision: 'connect' });
  expect(heading(asked)).toBe('Connect Reports?');
  const done = await browser.submit(asked, actionOf(asked), { decision: 'allow' });
  expect(heading(done)).toContain('Reports is connected');
  expect(await vault.count(`client_consent WHERE subject = '${person}'`)).toBe(0);
  expect(await vault.count(`user_grant WHERE subject = '${person}'`)).toBe(1);
});

test('reconnecting leads to the provider although the grant works', async () => {
  await connected();
  const asked = await decide('/connections/snowdemo', { decision: 'connect' });
  expect(asked.body).toContain('continue to');
});

describe('disconnecting', () => {
  test('asks first, and ends nothing by being asked', async () => {
    await connected();
    const page = await browser.get(`${vault.origin}/connections/snowdemo`);
    expect(heading(page)).toBe('Disconnect Snowdemo?');
    expect(await vault.count(`user_grant WHERE subject = '${person}' AND status = 'active'`)).toBe(
      1,
    );
  });

  test('ends grant and consents here and at the provider, and says what was confirmed', async () => {
    await connected();
    const revoked = vault.provider.count('revoke');
    const page = await decide('/connections/snowdemo', { decision: 'disconnect' });
    expect(page.body).toContain('Snowdemo is disconnected. The provider has confirmed');
    expect(vault.provider.count('revoke')).toBe(revoked + 1);
    expect(await vault.count(`client_consent WHERE subject = '${person}'`)).toBe(0);
    expect(page.body).toContain('Nothing is connected yet.');
  });

  test('says when the provider did not confirm', async () => {
    await connected();
    vault.provider.script('revoke', status(503));
    const page = await decide('/connections/snowdemo', { decision: 'disconnect' });
    expect(page.body).toContain('did not confirm it');
  });

  test('an address cannot claim a disconnect that did not happen', async () => {
    await connected();
    const page = await browser.get(`${vault.origin}/connections?done=revoked&service=snowdemo`);
    expect(page.body).not.toContain('is disconnected');
  });

  test('once more, in a second tab, is nothing', async () => {
    await connected();
    await decide('/connections/snowdemo', { decision: 'disconnect' });
    const again = await decide('/connections/snowdemo', { decision: 'disconnect' });
    expect([again.status, heading(again)]).toEqual([200, 'My connections']);
    const asked = await browser.get(`${vault.origin}/connections/snowdemo`);
    expect(asked.url.pathname).toBe('/connections');
  });

  test('an account of the provider connects anew without a question afterwards', async () => {
    await connected();
    await decide('/connections/snowdemo', { decision: 'disconnect' });
    vault.provider.subject = `new-${person}`;
    await connected();
    const rows = await vault.rows('SELECT upstream_subject FROM user_grant WHERE subject = $1', [
      person,
    ]);
    expect(rows).toEqual([{ upstream_subject: `new-${person}` }]);
  });
});

describe('removing one application', () => {
  const consentOf = async (application: string) => {
    const rows = await vault.rows(
      'SELECT id FROM client_consent WHERE subject = $1 AND application = $2',
      [person, application],
    );
    return String(rows[0]?.['id']);
  };

  test('leaves the connection and the other applications', async () => {
    await connected();
    await connected('other');
    const consent = await consentOf('other');
    const page = await decide('/connections/snowdemo', { decision: 'remove', consent });
    expect(page.body).toContain('That app can no longer use Snowdemo as you.');
    expect(page.body).toContain('<bdi>Assistant</bdi>');
    expect(page.body).not.toContain('<bdi>other</bdi>');
    expect(await vault.count(`user_grant WHERE subject = '${person}' AND status = 'active'`)).toBe(
      1,
    );
  });

  test("another person's consent is not removed by its id", async () => {
    await connected();
    const consent = await consentOf('assistant-client');
    browser = await vault.signedIn('mallory');
    await decide('/connections/snowdemo', { decision: 'remove', consent });
    expect(await consentOf('assistant-client')).toBe(consent);
  });
});

test('a connection that the provider has ended says so and asks for Reconnect', async () => {
  await connected();
  await vault.rows(
    `UPDATE user_grant SET status = 'needs_consent', status_reason = 'invalid_grant' WHERE subject = $1`,
    [person],
  );
  expect((await home()).body).toContain('The provider has ended this connection.');
});
