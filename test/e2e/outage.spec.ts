import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callerTokens } from '#lib/testing/caller-token';
import { corePieces, TrialStack } from '#lib/testing/trial-stack';
import { admin, interactionsSoFar, TrialCaller } from './trial-caller.js';

let trial: TrialStack;
let alice: TrialCaller;
let grantId: string;

beforeAll(async () => {
  trial = await TrialStack.start({ tokenTtl: 6, only: [...corePieces, 'reports'] });
  alice = await TrialCaller.connected(trial, 'alice');
  grantId = (await grant()).id;
});

afterAll(() => trial?.stop());

const soon = { timeout: 30_000, interval: 100 };

interface Grant {
  readonly id: string;
  readonly status: string;
}

async function grant(): Promise<Grant> {
  const answer = await admin(trial, 'GET', `grants?subject=${alice.subject}&upstream=reports`);
  const { items } = (await answer.json()) as { items: Grant[] };
  expect(items).toHaveLength(1);
  return items[0] as Grant;
}

/** Just refreshed, so that its whole life is ahead. */
async function freshToken() {
  const before = await alice.served();
  await expect.poll(async () => (await alice.served()).issuedAt, soon).not.toBe(before.issuedAt);
  return alice.served();
}

async function refreshes(): Promise<number> {
  return (await trial.idpCounters('upstreamIdp')).succeeded['refresh_token'] ?? 0;
}

interface Sample {
  readonly status: number;
  readonly ms: number;
}

/** One call after the other until then (epoch milliseconds). */
async function callsUntil(end: number): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  while (Date.now() < end) {
    const startedAt = performance.now();
    const { status } = await alice.reports();
    samples.push({ status, ms: performance.now() - startedAt });
    await sleep(50);
  }
  return samples;
}

describe('the provider is down', () => {
  it.each([
    ['unavailable', 'drop'],
    ['hang', 'unavailable'],
  ] as const)(
    'R4, R8, R9: %s, then %s: valid tokens are served without delay, then 503 with Retry-After, nobody is asked, and it goes on by itself',
    async (mode, then) => {
      const interactions = await interactionsSoFar(trial);
      const { expiresAt } = await freshToken();
      await trial.setMode('upstreamIdp', mode);
      try {
        const samples = await callsUntil(expiresAt * 1_000 - 1_000);
        expect(samples.length).toBeGreaterThan(10);
        expect(samples.filter(({ status }) => status !== 200)).toEqual([]);
        expect(samples.filter(({ ms }) => ms > 2_000)).toEqual([]);
        await sleep(Math.max(0, expiresAt * 1_000 + 1_100 - Date.now()));
        await trial.setMode('upstreamIdp', then);
        const refused = await alice.reports();
        expect(refused.status).toBe(503);
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(await refused.text()).not.toContain('/connect/');
      } finally {
        await trial.setMode('upstreamIdp', 'up');
      }
      await expect.poll(async () => (await alice.reports()).status, soon).toBe(200);
      expect(await interactionsSoFar(trial)).toBe(interactions);
      expect(await grant()).toMatchObject({ id: grantId, status: 'active' });
    },
  );
});

it('R5: an outage of the corporate provider does not concern tokens that its known keys have signed', async () => {
  const { corporateIdp, gateway } = trial.urls;
  const later = await callerTokens(corporateIdp, alice.application, 'alice', gateway);
  await trial.setMode('corporateIdp', 'unavailable');
  try {
    const authorization = `Bearer ${later.accessToken}`;
    const answer = await fetch(`${gateway}/http/reports/reports`, { headers: { authorization } });
    expect(answer.status).toBe(200);
    expect((await alice.served()).account).toBe('alice@upstream');
  } finally {
    await trial.setMode('corporateIdp', 'up');
  }
});

describe('row 39: misjudged errors', () => {
  it('invalid_grant is what ends a grant: one new interaction however many ask, and then the same grant again', async () => {
    const interactions = await interactionsSoFar(trial);
    await trial.forgetGrants('upstreamIdp');
    await expect.poll(async () => (await alice.reports()).status, soon).toBe(403);
    expect(await grant()).toMatchObject({ id: grantId, status: 'needs_consent' });
    const links = await Promise.all(Array.from({ length: 5 }, () => alice.pausedAt()));
    expect(await interactionsSoFar(trial)).toBe(interactions + 1);
    expect((await alice.consent(links[0] ?? '')).body).toContain('is connected');
    expect((await alice.served()).account).toBe('alice@upstream');
    expect(await grant()).toMatchObject({ id: grantId, status: 'active' });
  });

  it('an upstream that refuses every token gets one forced refresh, its callers a clear error and at most one link, and the grant survives', async () => {
    const interactions = await interactionsSoFar(trial);
    await freshToken();
    const before = await refreshes();
    await trial.refuseTokens('reports', true);
    try {
      const told: string[] = [];
      for (let call = 0; call < 6; call += 1) {
        const answer = await alice.reports();
        const problem = (await answer.json()) as { type: string; interaction_uri?: string };
        told.push(problem.interaction_uri === undefined ? problem.type : 'a link to reconnect');
      }
      const error = 'urn:symbolon:upstream-rejected-credential';
      expect(told.filter((what) => what !== error).length).toBeLessThanOrEqual(1);
      expect(told.slice(-3)).toEqual([error, error, error]);
    } finally {
      await trial.refuseTokens('reports', false);
    }
    expect(await refreshes()).toBe(before + 1);
    expect(await interactionsSoFar(trial)).toBeLessThanOrEqual(interactions + 1);
    expect(await grant()).toMatchObject({ id: grantId, status: 'active' });
    expect((await alice.served()).account).toBe('alice@upstream');
  });
});
