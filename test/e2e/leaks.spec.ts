import { randomBytes } from 'node:crypto';
import { appendFile, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { databaseDump } from '#lib/testing/postgres-dump';
import { queryDatabase } from '#lib/testing/postgres-query';
import { TrialStack } from '#lib/testing/trial-stack';
import { legacyClient, modernClient, textOf } from '../browser/mcp-clients.js';
import { admin, TrialCaller } from './trial-caller.js';

let trial: TrialStack;
let alice: TrialCaller;
let bob: TrialCaller;
const links: string[] = [];

/** The whole story at the log level that says most; what follows only searches. */
beforeAll(async () => {
  trial = await TrialStack.start({ tokenTtl: 5, logLevel: 'trace' });
  [alice, bob] = await Promise.all([
    TrialCaller.signedIn(trial, 'alice'),
    TrialCaller.signedIn(trial, 'bob'),
  ]);
  await httpStory();
  await modernStory();
  await legacyStory();
  await attacksAndFaults();
  await disconnect();
});

afterAll(() => trial?.stop());

async function httpStory(): Promise<void> {
  links.push(await alice.pausedAt());
  await alice.consent(links[0] ?? '');
  const { expiresAt } = await alice.served();
  await sleep(Math.max(0, expiresAt * 1_000 + 1_100 - Date.now()));
  expect((await alice.served()).expiresAt).toBeGreaterThan(expiresAt);
}

async function modernStory(): Promise<void> {
  let consented: Promise<unknown> | undefined;
  const url = `${trial.urls.gateway}/mcp/snowdemo`;
  const { client } = await modernClient(url, alice.accessToken, (link) => {
    links.push(link);
    consented = alice.consent(link);
  });
  await client.callTool({ name: 'whoami', arguments: {} });
  await consented;
  await client.close();
}

async function legacyStory(): Promise<void> {
  const { client } = await legacyClient(`${trial.urls.gateway}/mcp/snowdemo`, bob.accessToken);
  const asked = textOf(await client.callTool({ name: 'whoami' }));
  const link = /https?:\/\/\S+\/connect\/[\w-]+/.exec(asked)?.[0] ?? '';
  links.push(link);
  await bob.consent(link);
  expect((await client.callTool({ name: 'whoami' })).isError).not.toBe(true);
  await client.close();
}

/** What goes wrong is what tempts one to log. */
async function attacksAndFaults(): Promise<void> {
  const { gateway, vault } = trial.urls;
  const call = (authorization: string) =>
    fetch(`${gateway}/http/reports/reports?q=1`, { headers: { authorization } });
  expect((await call(`Bearer ${alice.accessToken}x`)).status).toBe(401);
  expect((await call(`Basic ${alice.accessToken}`)).status).toBe(401);
  expect((await call(`Bearer ${alice.accessToken},Bearer ${bob.accessToken}`)).status).not.toBe(
    200,
  );
  const asAdmin = { headers: { authorization: `Bearer ${alice.accessToken}` } };
  expect((await fetch(`${vault}/admin/v1/grants`, asAdmin)).status).toBeGreaterThanOrEqual(401);
  await admin(trial, 'POST', 'issuers/corporate/test', { token: alice.accessToken });
  await admin(trial, 'PUT', 'upstreams/snowdemo', { secret: alice.accessToken });
  await fetch(`${vault}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ subject_token: bob.accessToken, client_assertion: 'x.y.z' }),
  });
  expect((await bob.open(links[0] ?? '')).status).toBe(404);
  const code = (await trial.issued('upstreamIdp')).find(({ kind }) => kind === 'code');
  await alice.open(`${vault}/callback/upstream-idp?state=x&code=${code?.value}`);
  await trial.expireTokens('reports');
  await alice.reports();
  await trial.setMode('upstreamIdp', 'drop');
  await sleep(6_000);
  await alice.reports();
  await trial.setMode('upstreamIdp', 'up');
}

async function disconnect(): Promise<void> {
  const question = await alice.open(`${trial.urls.vault}/connections/reports`);
  await alice.browser.submit(question, '/connections/reports', { decision: 'disconnect' });
  const { status } = await alice.reports();
  expect([403, 503]).toContain(status);
}

interface Needle {
  readonly what: string;
  readonly value: string;
}

async function issuedBy(idp: 'corporateIdp' | 'upstreamIdp'): Promise<readonly Needle[]> {
  const issued = await trial.issued(idp);
  return issued.flatMap(({ kind, value }) => {
    const what = `${kind} of ${idp}`;
    // The signature alone tells a shortened token.
    const signature = value.split('.')[2];
    return [
      { what, value },
      ...(signature ? [{ what: `signature of ${what}`, value: signature }] : []),
    ];
  });
}

async function ownSecrets(): Promise<readonly Needle[]> {
  const folder = join(trial.stateDir, 'secrets');
  const needles: Needle[] = [{ what: 'admin token', value: trial.adminToken }];
  for (const name of await readdir(folder)) {
    const text = (await readFile(join(folder, name), 'utf8')).trim();
    const value = name.endsWith('.json') ? (JSON.parse(text) as { d: string }).d : text;
    needles.push({ what: name, value: value.replace(/^trial:/, '') });
  }
  return needles;
}

/** What opens a session or an interaction without any further proof. */
function browserSecrets(): readonly Needle[] {
  const cookies = [alice, bob].flatMap(({ browser }) =>
    browser
      .cookieHeader('127.0.0.1')
      .split('; ')
      .map((pair) => pair.split('=')),
  );
  return [
    ...cookies.map(([name, value]) => ({ what: `cookie ${name}`, value: value ?? '' })),
    ...links.map((link) => ({ what: 'link', value: link.split('/connect/')[1] ?? '' })),
  ].filter(({ value }) => value.length >= 20);
}

async function needles(): Promise<readonly Needle[]> {
  const issued = await Promise.all([issuedBy('corporateIdp'), issuedBy('upstreamIdp')]);
  return [...issued.flat(), ...(await ownSecrets()), ...browserSecrets()];
}

/** What of these stands there, as it is, in hexadecimal or in base64; never the value itself. */
function foundIn(text: string, sought: readonly Needle[]): readonly string[] {
  const lower = text.toLowerCase();
  const stands = ({ value }: Needle) =>
    text.includes(value) ||
    lower.includes(Buffer.from(value).toString('hex')) ||
    text.includes(Buffer.from(value).toString('base64').replace(/=+$/, ''));
  return [...new Set(sought.filter(stands).map(({ what }) => what))];
}

/** What every process of the trial has written, Postgres too. */
async function outputs(): Promise<string> {
  const postgres = await readFile(join(trial.stateDir, 'postgres', 'postgres.log'), 'utf8');
  return `${await trial.logs()}\n${postgres}`;
}

describe('row 40: no secret of a whole run is left anywhere', () => {
  it('the run issued what is searched for', async () => {
    const kinds = new Set((await needles()).map(({ what }) => what));
    for (const idp of ['corporateIdp', 'upstreamIdp'])
      for (const kind of ['code', 'access_token', 'refresh_token', 'id_token'])
        expect(kinds).toContain(`${kind} of ${idp}`);
    expect(kinds).toContain('gateway-key.json');
    expect(kinds).toContain('keyring');
    expect([...kinds].some((what) => what.startsWith('cookie'))).toBe(true);
    expect(links).toHaveLength(3);
  });

  it("no process's output at trace holds one", async () => {
    const logs = await outputs();
    expect(logs.includes('"level":"debug"')).toBe(true);
    expect(foundIn(logs, await needles())).toEqual([]);
  });

  it('no row of the database holds one', async () => {
    const dump = await databaseDump(await trial.databaseUrl());
    expect(dump.includes('-- public.user_grant')).toBe(true);
    expect(foundIn(dump, await needles())).toEqual([]);
  });

  it("row 20, token passthrough: no demo service was ever sent a caller's token, nor anything else of ours", async () => {
    const received = await Promise.all([trial.received('snowdemo'), trial.received('reports')]);
    const text = JSON.stringify(received);
    const upstream = await issuedBy('upstreamIdp');
    expect(foundIn(text, upstream)).toContain('access_token of upstreamIdp');
    const others = (await needles()).filter(
      ({ what }) => !what.includes('access_token of upstreamIdp'),
    );
    expect(foundIn(text, others)).toEqual([]);
  });

  it('a planted canary is found by the same search: in the output, in text, in bytes and in hexadecimal', async () => {
    const canary = { what: 'canary', value: randomBytes(32).toString('base64url') };
    expect(foundIn(await outputs(), [canary])).toEqual([]);
    await appendFile(join(trial.stateDir, 'logs', 'canary.log'), `{"token":"${canary.value}"}\n`);
    expect(foundIn(await outputs(), [canary])).toEqual(['canary']);
    const url = await trial.databaseUrl();
    const hex = Buffer.from(canary.value).toString('hex');
    for (const [type, value] of [
      ['text', canary.value],
      ['bytea', Buffer.from(`before ${canary.value} after`)],
      ['jsonb', JSON.stringify({ deep: [canary.value] })],
      ['text', hex.toUpperCase()],
    ] as const) {
      expect(foundIn(await databaseDump(url), [canary])).toEqual([]);
      await queryDatabase(url, `CREATE TABLE canary (planted ${type})`);
      await queryDatabase(url, 'INSERT INTO canary VALUES ($1)', [value]);
      expect(foundIn(await databaseDump(url), [canary])).toEqual(['canary']);
      await queryDatabase(url, 'DROP TABLE canary');
    }
  });
});
