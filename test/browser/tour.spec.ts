import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium } from '#lib/testing/chromium';
import { TrialStack } from '#lib/testing/trial-stack';

const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

let trial: TrialStack;
let browser: Browser;

beforeAll(async () => {
  [trial, browser] = await Promise.all([
    TrialStack.start({ vaultHost: 'localhost', tokenTtl: 120 }),
    launchChromium(),
  ]);
});
afterAll(async () => {
  await browser?.close();
  await trial?.stop();
});

/** The tour, signed in; scripts are off unless said otherwise, because no page needs any. */
async function signedIn(javaScriptEnabled = false): Promise<[BrowserContext, Page]> {
  const context = await browser.newContext({ javaScriptEnabled });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  await page.goto(trial.urls.tour);
  await page.click('text=Sign in at the corporate provider');
  await signIn(page, 'alice');
  await page.waitForURL(`${trial.urls.tour}/`);
  return [context, page];
}

async function signIn(page: Page, login: string): Promise<void> {
  await page.fill('#login', login);
  await page.fill('#password', login);
  await page.click('button:has-text("Sign in")');
}

interface Seen {
  readonly outcome: string | null;
  readonly text: string;
}

async function press(page: Page, action: string): Promise<Seen> {
  // The next page carries the same elements: only a finished navigation says which one is seen.
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.request().method() === 'POST'),
    page.click(`form[action="/steps/${action}"] button`),
  ]);
  expect(answer.status()).toBe(303);
  await page.waitForLoadState();
  const result = page.locator(`#result-${action}`);
  await result.waitFor();
  return {
    outcome: await result.getAttribute('data-outcome'),
    text: (await result.textContent()) ?? '',
  };
}

async function fact(page: Page, action: string, name: string): Promise<string> {
  const row = page.locator(`#result-${action} dl > div`).filter({ hasText: name });
  return (await row.locator('dd').textContent()) ?? '';
}

/** Opens the consent page that the call of step 2 asked for, agrees, and signs in at the upstream provider. */
async function consent(context: BrowserContext, page: Page, action = 'call'): Promise<string> {
  const [tab] = await Promise.all([
    context.waitForEvent('page'),
    page.click(`#result-${action} a.button`),
  ]);
  const link = tab.url();
  await tab.click('button[value="allow"]');
  await tab.waitForURL(`${trial.urls.upstreamIdp}/**`);
  if ((await tab.locator('#login').count()) > 0) await signIn(tab, 'alice@upstream');
  await tab.click('button:has-text("Allow")');
  await tab.getByText('is connected').first().waitFor();
  await tab.close();
  return link;
}

/** Takes alice's token from the helpdesk's page to the vault's. */
async function paste(context: BrowserContext, page: Page): Promise<void> {
  const [vault] = await Promise.all([
    context.waitForEvent('page'),
    page.click('#result-pasted-token a.primary'),
  ]);
  const shown = await context.newPage();
  await shown.goto(`${new URL(trial.urls.reports).origin}/helpdesk/tokens`);
  await vault.fill('input[name="token"]', (await shown.textContent('#alice')) ?? '');
  await vault.click('button:has-text("Allow and save")');
  await vault.getByText('is connected').first().waitFor();
  await Promise.all([shown.close(), vault.close()]);
}

/** One column of a result's table. */
function cells(page: Page, action: string, column: number): Promise<string[]> {
  return page.locator(`#result-${action} tbody tr > :nth-child(${column})`).allTextContents();
}

async function fingerprints(idp: 'corporateIdp' | 'upstreamIdp'): Promise<readonly string[]> {
  const issued = await trial.issued(idp);
  return issued.filter(({ kind }) => kind === 'access_token').map((i) => i.sha256.slice(0, 16));
}

const refreshes = async () =>
  (await trial.idpCounters('upstreamIdp')).succeeded['refresh_token'] ?? 0;

test('the tour tells the whole story, without a script in the browser', async () => {
  const [context, page] = await signedIn();
  expect((await press(page, 'identities')).text).toContain('nobody has told the vault yet');

  const paused = await press(page, 'call');
  expect(paused.text).toContain('"resultType": "input_required"');
  expect(paused.text).toContain(`"url": "${trial.urls.vault}/connect/`);
  expect(await press(page, 'answer')).toMatchObject({ outcome: 'waiting' });
  await consent(context, page);

  expect(await press(page, 'answer')).toMatchObject({ outcome: 'done' });
  const sent = await fact(page, 'answer', 'Token the client sent');
  const received = await fact(page, 'answer', 'Token the warehouse received');
  expect(await fingerprints('corporateIdp')).toContain(sent);
  expect(await fingerprints('upstreamIdp')).toContain(received);
  expect(received).not.toBe(sent);
  expect((await press(page, 'identities')).text).toContain('ALICE, role ANALYST');

  expect(await press(page, 'again')).toMatchObject({ outcome: 'done' });
  expect(await page.locator('#result-again td:last-child').allTextContents()).toEqual(
    Array.from({ length: 5 }, () => '0'),
  );

  const before = await refreshes();
  expect(await press(page, 'expire')).toMatchObject({ outcome: 'done' });
  expect(await refreshes()).toBe(before + 1);
  expect(await fact(page, 'expire', 'Token before')).toBe(received);
  expect((await press(page, 'expire')).text).toContain('This can be repeated in');

  expect((await press(page, 'somebody-else')).text).toContain('This link does not work here.');
  expect(await press(page, 'provider-off')).toMatchObject({ outcome: 'done' });
  expect(await press(page, 'vault-restart')).toMatchObject({ outcome: 'done' });

  const stored = await press(page, 'stored-row');
  expect(stored).toMatchObject({ outcome: 'done' });
  expect(stored.text).toMatch(/"refresh_token": "\\\\x[0-9a-f]{64}/);
  expect((await press(page, 'audit')).text).toContain('consent.given');
  const searched = await press(page, 'log-search');
  expect(searched.text).toMatch(/0 hits for \d\d+ tokens and codes; the planted word was found/);

  expect((await press(page, 'disconnect')).text).toContain('"resultType": "input_required"');

  expect(await press(page, 'pasted-token')).toMatchObject({ outcome: 'waiting' });
  await paste(context, page);
  expect((await press(page, 'pasted-token')).text).toContain('T-1 The screen stays dark');
  await press(page, 'tool-rules');
  expect(await cells(page, 'tool-rules', 3)).toEqual([
    'listed; answered',
    'listed; 401: sign in',
    'listed; 401: sign in',
    'listed; 401: sign in',
    'not listed; 401: sign in',
  ]);
  expect(await cells(page, 'tool-rules', 4)).toEqual([
    'listed; answered',
    'listed; answered',
    'listed; 403: needs a scope',
    'listed; answered',
    expect.stringMatching(/^not listed; 200: .*purge_tickets.*not found/),
  ]);
  const joined = (await press(page, 'one-address')).text;
  for (const tool of ['helpdesk_close_ticket', 'connect_snowdemo-signin'])
    expect(joined).toContain(tool);
  expect(await press(page, 'at-sign-in')).toMatchObject({ outcome: 'done' });

  expect(await page.locator('.progress p').textContent()).toContain('15 of 15 steps done');
  expect((await trial.idpCounters('upstreamIdp')).refused).toEqual({});
  await context.close();
}, 180_000);

test.for([
  ['legacy', '"code": -32042'],
  ['plain', '"isError": true'],
] as const)('a client of the kind %s is asked in its own words', async ([kind, words]) => {
  const [context, page] = await signedIn();
  await page.check(`input[value="${kind}"]`);
  await press(page, 'disconnect');
  await page.check(`input[value="${kind}"]`);
  expect((await press(page, 'call')).text).toContain(words);
  await consent(context, page);
  expect(await press(page, 'answer')).toMatchObject({ outcome: 'done' });
  expect(await press(page, 'again')).toMatchObject({ outcome: 'done' });
  await context.close();
});

test('row 1, a stolen link: bob opens alice’s in a window of his own, and it still works for her', async () => {
  const [context, page] = await signedIn();
  await press(page, 'disconnect');
  await press(page, 'call');
  const link = (await page.locator('#result-call a.button').getAttribute('href')) ?? '';
  const other = await browser.newContext();
  const bob = await other.newPage();
  await bob.goto(link);
  const [answer] = await Promise.all([
    bob.waitForResponse((response) => response.url().startsWith(link)),
    signIn(bob, 'bob'),
  ]);
  await bob.getByText('This link does not work here.').waitFor();
  expect(answer.status()).toBe(404);
  expect(await bob.content()).not.toContain('alice');
  await other.close();
  await consent(context, page);
  expect(await press(page, 'answer')).toMatchObject({ outcome: 'done' });
  await context.close();
});

test('a form that comes from elsewhere does nothing', async () => {
  const answer = await fetch(`${trial.urls.tour}/steps/disconnect`, {
    method: 'POST',
    headers: { origin: 'http://evil.example' },
  });
  expect(answer.status).toBe(403);
});

test('the page is accessible in light and in dark, fits 320 px, and is walked by keyboard', async () => {
  const context = await browser.newContext({ colorScheme: 'light' });
  const page = await context.newPage();
  await page.goto(trial.urls.tour);
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  expect(await page.locator(':focus').textContent()).toContain('Sign in');
  await page.keyboard.press('Enter');
  await signIn(page, 'alice');
  await page.waitForURL(`${trial.urls.tour}/`);
  for (const action of ['identities', 'call', 'audit', 'log-search']) await press(page, action);
  for (const summary of await page.locator('summary').all()) await summary.click();
  expect(await violations(page)).toEqual([]);
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await violations(page)).toEqual([]);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await violations(page, ofColours), 'dark').toEqual([]);
  await page.goto(trial.urls.tour);
  expect(await violations(page, ofColours), 'dark, signed in').toEqual([]);
  await context.clearCookies();
  await page.goto(trial.urls.tour);
  expect(await violations(page, ofColours), 'dark, signed out').toEqual([]);
  await context.close();
});

// All that a colour scheme can change.
const ofColours = ['color-contrast', 'link-in-text-block'];

async function violations(page: Page, runOnly?: readonly string[]): Promise<unknown> {
  await page.evaluate(await readFile(axeFile, 'utf8'));
  const options = JSON.stringify(runOnly === undefined ? {} : { runOnly });
  return page.evaluate(
    `axe.run(${options}).then((r) => r.violations.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 200))]))`,
  );
}
