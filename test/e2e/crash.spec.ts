import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalServer } from '#lib/testing/local-server';
import { expireAccessTokens, queryDatabase } from '#lib/testing/postgres-query';
import type { VisitedPage } from '#lib/testing/http-browser';
import { corePieces, TrialStack } from '#lib/testing/trial-stack';
import { admin, interactionsSoFar, TrialCaller } from './trial-caller.js';

let trial: TrialStack;
let alice: TrialCaller;
let bob: TrialCaller;

beforeAll(async () => {
  // Long enough that nothing is refreshed by itself: refreshes are counted.
  trial = await TrialStack.start({ tokenTtl: 3_000, only: [...corePieces, 'reports'] });
  [alice, bob] = await Promise.all([
    TrialCaller.signedIn(trial, 'alice'),
    TrialCaller.connected(trial, 'bob'),
  ]);
});

afterAll(() => trial?.stop());

/** From now on the vault kills itself there, each time. */
const crashAt = (point: string) => trial.restart('vault', { SYMBOLON_CRASH_AT: point });
const noMoreCrashes = () => trial.restart('vault', { SYMBOLON_CRASH_AT: '' });

async function grantsOf({
  subject,
}: TrialCaller): Promise<readonly { id: string; status: string }[]> {
  const answer = await admin(trial, 'GET', `grants?subject=${subject}&upstream=reports`);
  return ((await answer.json()) as { items: { id: string; status: string }[] }).items;
}

async function activeGrantOf(caller: TrialCaller): Promise<string> {
  const grants = await grantsOf(caller);
  expect(grants.map(({ status }) => status)).toEqual(['active']);
  return grants[0]?.id ?? '';
}

/** What a person sees who presses Allow and goes on; undefined if the vault died on the way. */
async function triedConsent(caller: TrialCaller, link: string): Promise<VisitedPage | undefined> {
  try {
    return await caller.consent(link);
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return undefined;
  }
}

/** How often the vault was started again after it died. */
const deaths = async () => (await trial.status())['vault']?.restarts ?? 0;

const statusOf = async (caller: TrialCaller) => (await caller.reports()).status;
const soon = { timeout: 20_000, interval: 100 };

async function tokenRequests(): Promise<{ codes: number; refreshes: number; refused: number }> {
  const { succeeded, refused } = await trial.idpCounters('upstreamIdp');
  return {
    codes: succeeded['authorization_code'] ?? 0,
    refreshes: succeeded['refresh_token'] ?? 0,
    refused: refused['refresh_token invalid_grant'] ?? 0,
  };
}

describe('R1: kill -9 of the vault during a consent', () => {
  it.each(['before-consent-post', 'after-token-answer'])(
    '%s: nothing was acknowledged and nothing is stored; the same link does it again',
    async (point) => {
      const link = await alice.pausedAt();
      await crashAt(point);
      expect(await triedConsent(alice, link)).toBeUndefined();
      await noMoreCrashes();
      expect((await grantsOf(alice)).filter(({ status }) => status === 'active')).toEqual([]);
      await expect.poll(() => statusOf(alice), soon).toBe(403);
      expect((await alice.consent(link)).body).toContain('is connected');
      expect((await alice.served()).account).toBe('alice@upstream');
      const id = await activeGrantOf(alice);
      expect((await admin(trial, 'DELETE', `grants/${id}`)).status).toBe(200);
      await expect.poll(() => statusOf(alice), soon).toBe(403);
    },
  );

  it('after-commit: the person did not see Done, but it is done: the call is served and nobody is asked again', async () => {
    const link = await alice.pausedAt();
    await crashAt('after-commit');
    expect(await triedConsent(alice, link)).toBeUndefined();
    await noMoreCrashes();
    const before = await interactionsSoFar(trial);
    await expect.poll(() => statusOf(alice), soon).toBe(200);
    await activeGrantOf(alice);
    expect((await alice.open(link)).body).toContain('is connected');
    expect(await interactionsSoFar(trial)).toBe(before);
  });

  it('whoever saw Done has a working call, although the vault is killed at that very moment', async () => {
    for (let time = 0; time < 3; time += 1) {
      await expect.poll(async () => (await alice.reports('/reports/q1')).status, soon).toBe(200);
      const id = await activeGrantOf(alice);
      await admin(trial, 'DELETE', `grants/${id}`);
      await expect.poll(() => statusOf(alice), soon).toBe(403);
      await alice.connectReports();
      await trial.kill('vault');
      const before = (await tokenRequests()).codes;
      await expect.poll(() => statusOf(alice), soon).toBe(200);
      await expect.poll(() => activeGrantOf(alice).catch(() => ''), soon).not.toBe('');
      expect((await tokenRequests()).codes).toBe(before);
    }
  });
});

describe('kill -9 of the vault during a refresh, the provider being one that ends a grant whose refresh token comes twice', () => {
  /** Bob's next call needs a refresh, and the vault dies in it. */
  async function crashInRefresh(point: string): Promise<void> {
    const before = await deaths();
    await expireAccessTokens(trial);
    await crashAt(point);
    await expect.poll(() => statusOf(bob), soon).toBe(503);
    await expect.poll(deaths, soon).toBeGreaterThan(before);
    await noMoreCrashes();
  }

  it('refresh-after-intent: the refresh token was not used yet; it is used once and the call is served', async () => {
    const id = await activeGrantOf(bob);
    const interactions = await interactionsSoFar(trial);
    const before = await tokenRequests();
    await crashInRefresh('refresh-after-intent');
    await expect.poll(() => statusOf(bob), soon).toBe(200);
    expect(await tokenRequests()).toEqual({ ...before, refreshes: before.refreshes + 1 });
    expect(await activeGrantOf(bob)).toBe(id);
    expect(await interactionsSoFar(trial)).toBe(interactions);
  });

  it('refresh-after-commit: the new token is stored; nothing is refreshed again', async () => {
    const id = await activeGrantOf(bob);
    const before = await tokenRequests();
    await crashInRefresh('refresh-after-commit');
    await expect.poll(() => statusOf(bob), soon).toBe(200);
    expect(await tokenRequests()).toEqual({ ...before, refreshes: before.refreshes + 1 });
    expect(await activeGrantOf(bob)).toBe(id);
  });

  // Between the provider's rotation and our commit there is nothing that could hold the new token: the old one is
  // tried once more, which a provider with a grace period answers, and this one takes for theft.
  it('refresh-after-token-answer: the old refresh token is tried once more; where reuse is punished the grant needs consent, asked for once', async () => {
    const id = await activeGrantOf(bob);
    const interactions = await interactionsSoFar(trial);
    const before = await tokenRequests();
    await crashInRefresh('refresh-after-token-answer');
    await expect.poll(() => statusOf(bob), { ...soon, timeout: 40_000 }).toBe(403);
    expect(await tokenRequests()).toEqual({
      ...before,
      refreshes: before.refreshes + 1,
      refused: before.refused + 1,
    });
    expect(await grantsOf(bob)).toMatchObject([{ id, status: 'needs_consent' }]);
    const links = [await bob.pausedAt(), await bob.pausedAt()];
    expect(await interactionsSoFar(trial)).toBe(interactions + 1);
    expect((await bob.consent(links[1] ?? '')).body).toContain('is connected');
    expect((await bob.served()).account).toBe('bob@upstream');
    expect(await activeGrantOf(bob)).toBe(id);
  });
});

it('kill -9 between sending a webhook and storing that it arrived: it comes again, under the same id', async () => {
  const ids: unknown[] = [];
  const receiver = await startLocalServer((request, response) => {
    ids.push(request.headers['webhook-id']);
    response.writeHead(204).end();
  });
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const body = { url: receiver.origin, events: ['grant.revoked'], secret };
  expect((await admin(trial, 'PUT', 'webhooks/crash', body)).status).toBe(201);
  await crashAt('webhook-after-send');
  await expect(admin(trial, 'POST', 'webhooks/crash/test')).rejects.toThrow(TypeError);
  expect(ids).toHaveLength(1);
  await noMoreCrashes();
  // The lease of the process that died is over.
  const leaseOver = `UPDATE webhook_delivery SET next_attempt_at = now() WHERE state = 'pending'`;
  await queryDatabase(await trial.databaseUrl(), leaseOver);
  await expect.poll(() => ids.length, soon).toBe(2);
  expect(new Set(ids).size).toBe(1);
  const state = async () => {
    const answer = await admin(trial, 'GET', 'webhooks/crash/deliveries');
    return ((await answer.json()) as { items: { state: string }[] }).items.map((one) => one.state);
  };
  await expect.poll(state, soon).toEqual(['delivered']);
  await receiver.stop();
});
