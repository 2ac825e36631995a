import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { exportJWK, generateKeyPair } from 'jose';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchChromium } from '#lib/testing/chromium';
import { status } from '#lib/testing/scripted-answer';
import { ConnectFixture } from '../connect/connect-fixture.js';

/*
 * Every page state in Chromium: what axe finds, whether it fits a phone and 400 % zoom, and a picture in
 * test-results/pages/ for people to look at.
 */
const pictures = 'test-results/pages';
const desktop = { width: 1100, height: 800 };
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let vault: ConnectFixture;
let chromium: Browser;
let context: BrowserContext;
let page: Page;
let people = 0;
let person: string;

beforeAll(async () => {
  mkdirSync(pictures, { recursive: true });
  vault = await ConnectFixture.start();
  chromium = await launchChromium();
});
afterAll(async () => {
  await chromium.close();
  await vault.stop();
});

interface AxeResult {
  readonly violations: readonly { id: string; nodes: readonly { html: string }[] }[];
}

/** Looks at the page that is open: three pictures, and nothing to complain of in any. */
async function look(name: string): Promise<void> {
  await page.screenshot({ path: `${pictures}/${name}-light.png`, fullPage: true });
  expect(await complaints(everything), `${name}, light`).toEqual([]);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.screenshot({ path: `${pictures}/${name}-dark.png`, fullPage: true });
  expect(await complaints(ofColours), `${name}, dark`).toEqual([]);
  await page.emulateMedia({ colorScheme: 'light' });
  // 1280 px at 400 % zoom are 320 px, as on the smallest phone.
  await page.setViewportSize({ width: 320, height: 640 });
  await page.screenshot({ path: `${pictures}/${name}-320.png`, fullPage: true });
  const overflow = await page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
  expect(overflow, `${name} scrolls sideways at 320 px`).toBe(0);
  expect(await complaints(ofLayout), `${name}, 320 px`).toEqual([]);
  await page.setViewportSize(desktop);
}

// What a scheme or a width can change; all else of axe's is the document's, which is the same in all three.
const everything = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const ofColours = ['color-contrast', 'link-in-text-block'];
const ofLayout = ['color-contrast', 'target-size', 'scrollable-region-focusable'];

async function complaints(runOnly: readonly string[]): Promise<string[]> {
  const isThere = await page.evaluate('"axe" in globalThis');
  if (isThere !== true) await page.evaluate(axe);
  const result = (await page.evaluate(
    `axe.run({ runOnly: ${JSON.stringify(runOnly)}, resultTypes: ['violations'] })`,
  )) as AxeResult;
  return result.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

async function begin(name = 'Alice Example'): Promise<void> {
  people += 1;
  person = `person-${people}`;
  vault.corporate.subject = person;
  vault.corporate.claims.set(person, { name, preferred_username: `${person}@example.com` });
  vault.provider.subject = `snow-${person}`;
  vault.provider.claims.set(vault.provider.subject, { preferred_username: 'alice@upstream' });
  vault.provider.authorizationError = undefined;
  await context?.close();
  context = await chromium.newContext({ viewport: desktop, colorScheme: 'light' });
  page = await context.newPage();
  await page.goto(`${vault.origin}/connections`);
}

async function ask(about: Parameters<ConnectFixture['ask']>[1] = {}): Promise<string> {
  const { id, uri } = await vault.ask(person, about);
  await page.goto(uri);
  return id;
}

const press = (words: RegExp) => page.getByRole('button', { name: words }).click();

async function connected(about: Parameters<ConnectFixture['ask']>[1] = {}): Promise<void> {
  await ask(about);
  await press(/^Allow/);
  await page.getByRole('heading', { name: /is connected/ }).waitFor();
}

describe('in Chromium, light, dark and on a phone', () => {
  test('Consent, of an application that was checked', async () => {
    await begin();
    await ask();
    await look('consent');
  });

  test('Consent, of an application that nobody has checked', async () => {
    await begin();
    await ask({ application: 'c7f9d2e0-5b1a-4c7e-9d36-0a4f1b2c3d4e', clientName: 'Claude Code' });
    await look('consent-unchecked');
  });

  test('Consent, with names as long and as foreign as they come', async () => {
    await begin('ألكسندرا-ماريا Überlängenbindestrichname von und zu Wolkenkuckucksheim');
    await ask({
      application: `urn:${'very-long-application-identifier:'.repeat(6)}end`,
      clientName: 'عميل '.repeat(12),
      scopes: Array.from({ length: 12 }, (_, i) => `session:role:ANALYST_${i}_READ_ONLY`),
    });
    await look('consent-long');
  });

  test('Consent, second application', async () => {
    await begin();
    await connected();
    await ask({ application: 'unheard-of' });
    await look('consent-second');
  });

  test('Consent, changed meanwhile', async () => {
    await begin();
    await ask();
    await vault.ask(person, { scopes: ['warehouse:admin'] });
    await press(/^Allow/);
    await page.getByText('The request has changed').waitFor();
    await look('consent-changed');
  });

  test('Unknown link', async () => {
    await begin();
    await page.goto(`${vault.origin}/connect/${'x'.repeat(43)}`);
    await look('unknown-link');
  });

  test('Expired', async () => {
    await begin();
    const id = await ask();
    await vault.rows('UPDATE interaction SET expires_at = now() WHERE id = $1', [id]);
    await page.reload();
    await look('expired');
  });

  test('Declined', async () => {
    await begin();
    await ask();
    await press(/Not now/);
    await page.getByRole('heading', { name: 'Nothing was connected.' }).waitFor();
    await look('declined');
  });

  test('Going', async () => {
    await begin();
    await ask();
    // An answer without content leaves the browser where it is.
    await page.route('**/authorize?*', (route) => route.fulfill({ status: 204 }));
    await press(/^Allow/);
    await page.getByRole('heading', { name: /On to/ }).waitFor();
    await look('going');
  });

  test('Done', async () => {
    await begin();
    await connected();
    await look('done');
  });

  test('Provider refused', async () => {
    await begin();
    await ask();
    vault.provider.authorizationError = 'access_denied';
    await press(/^Allow/);
    await page.getByRole('heading', { name: /did not finish/ }).waitFor();
    await look('provider-refused');
  });

  test('Account differs', async () => {
    await begin();
    await connected();
    vault.provider.subject = 'snow-other';
    vault.provider.claims.set('snow-other', { preferred_username: 'alice.private@upstream' });
    await ask({ purpose: 'reconnect' });
    await press(/^Allow/);
    await page.getByRole('heading', { name: /You signed in/ }).waitFor();
    await look('account-differs');
  });

  const pasted = (more: object = {}) => ({
    ...{ slug: 'forge', name: 'Forge', type: 'http', url: 'http://127.0.0.1:9/' },
    credential: {
      type: 'user-token',
      instructions: 'Forge → Settings → Access tokens.\nGive it the right to read, no more.',
      ...more,
    },
  });

  test('Token page, and what Show shows', async () => {
    await vault.put('upstreams/forge', pasted());
    await begin();
    await ask({ upstream: 'forge', scopes: [] });
    await look('token');
    const masking = `getComputedStyle(document.querySelector('#token')).webkitTextSecurity`;
    expect(await page.evaluate(masking)).toBe('disc');
    await page.getByLabel('Show').check();
    expect(await page.evaluate(masking)).toBe('none');
    await page.getByLabel('Token').fill('frg_abc');
    await press(/^Allow/);
    await page.getByRole('heading', { name: /is connected/ }).waitFor();
  });

  test('Token page, refused', async () => {
    await vault.put('upstreams/forge', pasted());
    await begin();
    await ask({ upstream: 'forge', scopes: [] });
    await page.getByLabel('Token').fill('a token with spaces');
    await press(/^Allow/);
    await page.getByRole('alert').waitFor();
    expect(await page.getByLabel('Token').inputValue()).toBe('');
    await look('token-refused');
  });

  test('A token that could not be checked', async () => {
    await vault.put('upstreams/forge', pasted({ check: { url: 'http://127.0.0.1:9/' } }));
    await begin();
    await ask({ upstream: 'forge', scopes: [] });
    await page.getByLabel('Token').fill('frg_abc');
    await press(/^Allow/);
    await page.getByRole('heading', { name: /could not be checked/ }).waitFor();
    await look('token-unchecked');
  });

  test('A page of the company’s own: before it, and without its token', async () => {
    await vault.put('upstreams/ledger', {
      ...{ slug: 'ledger', name: 'Ledger', type: 'http', url: 'http://127.0.0.1:9/' },
      credential: { type: 'external', url: 'https://tokens.example.com/new' },
    });
    await begin();
    const id = await ask({ upstream: 'ledger', scopes: [] });
    await look('external');
    await page.route('https://tokens.example.com/**', (route) => route.fulfill({ status: 204 }));
    await press(/^Allow/);
    await page.getByRole('heading', { name: /On to/ }).waitFor();
    await page.goto(`${vault.origin}/requests/${id}`);
    await look('external-waiting');
  });

  test('Sign-in, of a client that registered itself: asked, refused, over, and stray', async () => {
    const snowdemo = { slug: 'snowdemo', name: 'Snowdemo', type: 'http', consentAtSignIn: true };
    await vault.put('upstreams/snowdemo', {
      ...{ ...snowdemo, url: 'http://127.0.0.1:9/' },
      credential: { type: 'oauth', oauthClient: 'snowid' },
      access: { scopes: ['reports:read'], claims: {} },
    });
    const { publicKey } = await generateKeyPair('ES256');
    await vault.put('machine-clients/gateway', {
      ...{ slug: 'gateway', kind: 'gateway', publicUrl: 'http://127.0.0.1:5998', upstreams: '*' },
      jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'gateway' }] },
    });
    const website = 'https://notebook.example.com/callback';
    const registered = await vault.fetch('/oauth2/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: 'Notebook', redirect_uris: [website] }),
    });
    const { client_id: clientId } = (await registered.json()) as { client_id: string };
    const url = new URL('/oauth2/authorize', vault.origin);
    const asked = { client_id: clientId, redirect_uri: website, response_type: 'code' };
    const proof = { code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' };
    const resource = 'http://127.0.0.1:5998/http/snowdemo';
    for (const [name, value] of Object.entries({ ...asked, ...proof, resource }))
      url.searchParams.set(name, value);
    await begin();
    await page.goto(url.href);
    await look('sign-in');
    const { pathname } = new URL(page.url());
    await press(/Not now/);
    await page.getByRole('heading', { name: 'You were not signed in there.' }).waitFor();
    await look('sign-in-declined');
    await page.goto(`${vault.origin}${pathname}`);
    await look('sign-in-over');
    await page.route('https://notebook.example.com/**', (route) => route.fulfill({ status: 204 }));
    await page.goto(url.href);
    await press(/^Allow/);
    await page.getByRole('heading', { name: 'You are signed in.' }).waitFor();
    await look('sign-in-returning');
    url.searchParams.set('redirect_uri', 'https://elsewhere.example.com/');
    await page.goto(url.href);
    await look('sign-in-stray');
  });

  test('My connections, empty', async () => {
    await begin();
    await look('connections-empty');
  });

  test('My connections', async () => {
    await begin();
    await connected();
    await connected({ application: 'c7f9d2e0-5b1a-4c7e-9d36-0a4f1b2c3d4e' });
    await page.goto(`${vault.origin}/connections`);
    await look('connections');
    await vault.rows(`UPDATE user_grant SET status = 'needs_consent' WHERE subject = $1`, [person]);
    await page.reload();
    await look('connections-ended');
  });

  test('Disconnect, and disconnected', async () => {
    await begin();
    await connected();
    await page.goto(`${vault.origin}/connections/snowdemo`);
    await look('disconnect');
    await press(/Disconnect/);
    await page.getByText('is disconnected').waitFor();
    await look('disconnected');
  });

  test('Signed out', async () => {
    await begin();
    await press(/Sign out/);
    await page.getByRole('heading', { name: 'You are signed out.' }).waitFor();
    await look('signed-out');
  });

  test('A form after the session', async () => {
    await begin();
    await ask();
    await context.clearCookies();
    await press(/^Allow/);
    await page.getByRole('heading', { name: 'You have been signed out.' }).waitFor();
    await look('session-over');
  });

  test('Nowhere, stray callback, sign-in not finished', async () => {
    await begin();
    await page.goto(`${vault.origin}/nowhere`);
    await look('not-found');
    await page.goto(`${vault.origin}/callback/snowid?state=x`);
    await look('stray-callback');
    await page.goto(`${vault.origin}/login/callback?state=x`);
    await look('stray-login');
    vault.corporate.authorizationError = 'access_denied';
    await page.goto(`${vault.origin}/connections?switch=1`);
    await look('login-refused');
    vault.corporate.authorizationError = undefined;
  });

  test('Too many attempts, and a provider that is down', async () => {
    await begin();
    await ask();
    vault.provider.script('token', status(503));
    await press(/^Allow/);
    await page.getByRole('heading', { name: /did not finish/ }).waitFor();
    await look('provider-down');
    for (let i = 0; i < 40; i += 1)
      await page.request.get(`${vault.origin}/connect/${String(i).padStart(43, 'g')}`);
    await page.goto(`${vault.origin}/connect/${'g'.repeat(43)}`);
    await page.getByRole('heading', { name: 'Too many attempts.' }).waitFor();
    await look('too-many');
  });

  test('Where do you sign in?', async () => {
    await vault.put('issuers/second', {
      slug: 'second',
      issuer: vault.provider.issuer,
      login: { clientId: 'c', clientSecret: 's' },
    });
    await context.close();
    context = await chromium.newContext({ viewport: desktop, colorScheme: 'light' });
    page = await context.newPage();
    await page.goto(`${vault.origin}/connections`);
    await look('choose-issuer');
  });
});
