import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { HttpBrowser, VisitedPage } from '#lib/testing/http-browser';
import { actionOf, ConnectFixture, heading } from './connect-fixture.js';

let vault: ConnectFixture;
let browser: HttpBrowser;
let person: string;
let people = 0;

const base = ['offline_access', 'openid', 'warehouse:read'];
const grown = [...base, 'warehouse:write'];

beforeAll(async () => {
  vault = await ConnectFixture.start();
});
afterAll(() => vault.stop());

beforeEach(async () => {
  people += 1;
  person = `person-${people}`;
  vault.provider.granting = (asked) => asked;
  signsInAs(`snow-${person}`);
  browser = await vault.signedIn(person);
  expect(heading(await decide(await asked({}), 'allow'))).toContain('is connected');
});

function signsInAs(account: string): void {
  vault.provider.subject = account;
  vault.provider.claims.set(account, { preferred_username: `${account}@upstream` });
}

function decide(page: VisitedPage, decision: string): Promise<VisitedPage> {
  return browser.submit(page, actionOf(page), { decision });
}

/** The page of a request, as the exchange would have made it. */
async function asked(about: Parameters<ConnectFixture['ask']>[1]): Promise<VisitedPage> {
  const { link } = await vault.ask(person, about);
  return browser.get(`${vault.origin}${link}`);
}

const growth = () => asked({ purpose: 'scopes', scopes: grown });

const held = () =>
  vault.rows(
    `SELECT g.id, g.status, g.upstream_subject, g.requested_scopes, g.granted_scopes, a.sha256
       FROM user_grant g JOIN access_token a ON a.grant_id = g.id WHERE g.subject = $1`,
    [person],
  );
const consented = () =>
  vault.rows('SELECT application, scopes FROM client_consent WHERE subject = $1 ORDER BY 1', [
    person,
  ]);
const lastTrip = () =>
  vault.provider.requests.findLast(({ endpoint }) => endpoint === 'authorize')?.parameters;

function between(page: VisitedPage, from: string, to: string): string {
  const start = page.body.indexOf(from);
  return page.body.slice(start, page.body.indexOf(to, start));
}

test('the page shows what is new and what was allowed before; after it the same grant has both', async () => {
  const [before] = await held();
  const page = await growth();
  expect(heading(page)).toBe('Let Assistant do more with Snowdemo as you?');
  const news = between(page, 'New: it could also', 'You allowed before');
  expect(news).toContain('warehouse:write');
  expect(news).not.toContain('warehouse:read');
  expect(between(page, 'You allowed before', '</section>')).toContain('warehouse:read');
  expect(await held()).toEqual([before]);
  expect(heading(await decide(page, 'allow'))).toContain('is connected');
  expect(lastTrip()?.get('scope')).toBe(grown.join(' '));
  const [after] = await held();
  expect(after).toMatchObject({ id: before?.['id'], status: 'active', requested_scopes: grown });
  expect(after?.['sha256']).not.toEqual(before?.['sha256']);
  expect(await consented()).toEqual([{ application: 'assistant-client', scopes: grown }]);
});

test('until the person is back the old token stays; a no leaves everything as it was', async () => {
  const before = await held();
  const declined = await decide(await growth(), 'decline');
  expect(heading(declined)).toBe('Nothing has changed.');
  expect(declined.body).toContain('Allow it after all');
  expect(await held()).toEqual(before);
  expect(await consented()).toEqual([{ application: 'assistant-client', scopes: base }]);
});

test('a trip asks for the union with what other applications have, a consent only for its own', async () => {
  await decide(await growth(), 'allow');
  const page = await asked({ application: 'other', scopes: [...base, 'warehouse:drop'] });
  expect(heading(page)).toBe('Let other use Snowdemo as you?');
  expect(page.body).not.toContain('warehouse:write');
  await decide(page, 'allow');
  expect(lastTrip()?.get('scope')?.split(' ')).toEqual([...grown, 'warehouse:drop'].sort());
  expect(await consented()).toEqual([
    { application: 'assistant-client', scopes: grown },
    { application: 'other', scopes: [...base, 'warehouse:drop'] },
  ]);
});

test('what another application brought already needs no trip', async () => {
  await decide(await growth(), 'allow');
  const trips = vault.provider.count('authorize');
  await decide(await asked({ application: 'other', scopes: base }), 'allow');
  const page = await asked({ application: 'other', purpose: 'scopes', scopes: grown });
  expect(heading(page)).toBe('Let other do more with Snowdemo as you?');
  expect(heading(await decide(page, 'allow'))).toContain('is connected');
  expect(vault.provider.count('authorize')).toBe(trips);
});

test('a server that grants less: the request is stored as asked, so that nobody is asked again', async () => {
  vault.provider.granting = () => base.join(' ');
  await decide(await growth(), 'allow');
  expect(await held()).toMatchObject([{ requested_scopes: grown, granted_scopes: base }]);
  const trips = vault.provider.count('authorize');
  await decide(await growth(), 'allow');
  expect(vault.provider.count('authorize')).toBe(trips);
});

test('row 13, growth with another upstream account: nothing is touched until it is confirmed', async () => {
  const before = await held();
  signsInAs(`other-${person}`);
  const page = await decide(await growth(), 'allow');
  expect(heading(page)).toBe(`You signed in to Snow ID as other-${person}@upstream.`);
  expect(await held()).toEqual(before);
  const kept = await decide(page, 'keep');
  expect(heading(kept)).toBe('Let Assistant do more with Snowdemo as you?');
  expect(await held()).toEqual(before);
  expect(await consented()).toEqual([{ application: 'assistant-client', scopes: base }]);
  await decide(await decide(kept, 'allow'), 'replace');
  expect(await held()).toMatchObject([
    { id: before[0]?.['id'], upstream_subject: `other-${person}`, requested_scopes: grown },
  ]);
});
