import { setTimeout as sleep } from 'node:timers/promises';
import { UrlElicitationRequiredError } from '@modelcontextprotocol/sdk/types.js';
import { ElicitationCompleteNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  callerTokens,
  registerApplication,
  type RegisteredApplication,
} from '#lib/testing/caller-token';
import { launchChromium } from '#lib/testing/chromium';
import { corePieces, TrialStack } from '#lib/testing/trial-stack';
import { legacyClient, modernClient, textOf, type Whoami, whoamiOf } from './mcp-clients.js';
import { Person } from './person.js';

let trial: TrialStack;
let browser: Browser;
let resource: string;
const people: Person[] = [];
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  trial = await TrialStack.start({
    ...{ vaultHost: 'localhost', tokenTtl: 5 },
    only: [...corePieces, 'snowdemo'],
  });
  resource = `${trial.urls.gateway}/mcp/snowdemo`;
  browser = await launchChromium();
});

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close().catch(() => undefined)));
  await Promise.all(people.splice(0).map((person) => person.close()));
});

afterAll(async () => {
  await browser?.close();
  await trial?.stop();
});

async function person(name: 'alice' | 'bob'): Promise<Person> {
  const someone = await Person.at(browser, name, `${name}@upstream`);
  people.push(someone);
  return someone;
}

async function tokenOf(application: RegisteredApplication, login: string): Promise<string> {
  const tokens = await callerTokens(trial.urls.corporateIdp, application, login, resource);
  return tokens.accessToken;
}

const newApplication = (name: string): Promise<RegisteredApplication> =>
  registerApplication(trial.urls.corporateIdp, name);

async function interactionsSoFar(): Promise<number> {
  const answer = await fetch(
    `${trial.urls.vault}/admin/v1/audit-events?action=interaction.opened&limit=200`,
    { headers: { authorization: `Bearer ${trial.adminToken}` } },
  );
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { items: unknown[] }).items.length;
}

describe('a call that needs a person', () => {
  let application: RegisteredApplication;
  let first: Whoami;

  it('modern era: alice pauses, bob cannot use her link, she consents, and her held retry succeeds', async () => {
    application = await newApplication('Research agent');
    const alice = await person('alice');
    const bob = await person('bob');
    const links: string[] = [];
    let consented: Promise<void> | undefined;
    const { client, sent } = await modernClient(
      resource,
      await tokenOf(application, 'alice'),
      (link) => {
        links.push(link);
        consented = (async () => {
          await bob.open(link);
          expect(await bob.heading()).toMatch(/does not work here/);
          await alice.consent(link);
        })();
      },
    );
    closers.push(() => client.close());
    first = whoamiOf(await client.callTool({ name: 'whoami', arguments: {} }));
    await consented;
    expect(first.account).toBe('ALICE');
    expect(links).toHaveLength(1);
    const calls = sent.filter(({ rpcMethod }) => rpcMethod === 'tools/call');
    expect(calls.length).toBeGreaterThanOrEqual(2);
    expect(sent.every(({ protocolVersion }) => protocolVersion === '2026-07-28')).toBe(true);
    expect(sent.some(({ rpcMethod }) => rpcMethod === 'initialize')).toBe(false);
  });

  it('tokens of 5 seconds expire and calls go on: a later token, no new interaction', async () => {
    const before = await interactionsSoFar();
    const links: string[] = [];
    const token = await tokenOf(application, 'alice');
    const { client } = await modernClient(resource, token, (link) => links.push(link));
    closers.push(() => client.close());
    // Refreshed before each end: one lifetime later the token in use began after the first one's end.
    await sleep(Math.max(0, (first.expiresAt + 5) * 1000 - Date.now()));
    const later = whoamiOf(await client.callTool({ name: 'whoami', arguments: {} }));
    expect(later.issuedAt).toBeGreaterThan(first.expiresAt);
    expect(later.tokenFingerprint).not.toBe(first.tokenFingerprint);
    expect(links).toEqual([]);
    expect(await interactionsSoFar()).toBe(before);
  });

  it('legacy era: bob gets -32042, consents, is told of the completion, and the server knows him as bob', async () => {
    const bob = await person('bob');
    const token = await tokenOf(application, 'bob');
    const { client } = await legacyClient(resource, token, { elicitation: { url: {} } });
    closers.push(() => client.close());
    const completed: string[] = [];
    client.setNotificationHandler(ElicitationCompleteNotificationSchema, ({ params }) => {
      completed.push(params.elicitationId);
    });
    const pause = await client.callTool({ name: 'whoami' }).catch((error: unknown) => error);
    if (!(pause instanceof UrlElicitationRequiredError))
      throw new Error(`not a pause: ${String(pause)}`);
    const [elicitation] = pause.elicitations;
    await bob.consent(elicitation?.url ?? '');
    await expect.poll(() => completed, { timeout: 10_000 }).toEqual([elicitation?.elicitationId]);
    const answer = whoamiOf(await client.callTool({ name: 'whoami' }));
    expect(answer.account).toBe('BOB');
  });

  it("a second application of alice's without elicitation gets a link; she sees our page once and no provider", async () => {
    const second = await newApplication('Second program');
    const { client } = await legacyClient(resource, await tokenOf(second, 'alice'));
    closers.push(() => client.close());
    const pause = await client.callTool({ name: 'whoami' });
    expect(pause.isError).toBe(true);
    const link = /https?:\/\/\S+\/connect\/[\w-]+/.exec(textOf(pause))?.[0] ?? '';
    const authorizations = async () =>
      (await trial.idpCounters('upstreamIdp')).succeeded['authorization_code'] ?? 0;
    const before = await authorizations();
    const alice = await person('alice');
    const visited: string[] = [];
    alice.page.on('framenavigated', (frame) => visited.push(new URL(frame.url()).origin));
    await alice.open(link);
    await alice.page.getByRole('button', { name: 'Allow', exact: true }).click();
    await alice.page.getByRole('heading', { name: /is connected|may use/ }).waitFor();
    expect(visited).not.toContain(trial.urls.upstreamIdp);
    expect(await authorizations()).toBe(before);
    const answer = whoamiOf(await client.callTool({ name: 'whoami' }));
    expect(answer.account).toBe('ALICE');
  });

  it("row 20, token passthrough: no caller's token ever reached the upstream", async () => {
    const received = JSON.stringify(await trial.received('snowdemo'));
    const issued = await trial.issued('corporateIdp');
    expect(issued.length).toBeGreaterThan(0);
    expect(issued.filter(({ value }) => received.includes(value))).toEqual([]);
    const ours = (await trial.issued('upstreamIdp')).filter(({ kind }) => kind === 'access_token');
    expect(ours.some(({ value }) => received.includes(value))).toBe(true);
  });
});
