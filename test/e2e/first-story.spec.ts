import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callerTokens, registerApplication } from '#lib/testing/caller-token';
import { HttpBrowser } from '#lib/testing/http-browser';
import type { VisitedPage } from '#lib/testing/http-browser';
import { corePieces, TrialStack } from '#lib/testing/trial-stack';

let trial: TrialStack;

beforeAll(async () => {
  trial = await TrialStack.start({
    ...{ vaultHost: 'localhost', tokenTtl: 5 },
    only: [...corePieces, 'reports'],
  });
});
afterAll(() => trial.stop());

/** Signs in at whatever provider asks, and allows whatever is asked, until a page asks nothing any more. */
async function clickThrough(
  link: string,
  corporate: string,
  upstream: string,
): Promise<VisitedPage> {
  const browser = new HttpBrowser();
  let page = await browser.get(link);
  for (let step = 0; step < 8; step += 1) {
    const login = page.url.origin === trial.urls.upstreamIdp ? upstream : corporate;
    if (page.body.includes('name="password"')) {
      page = await browser.submit(page, '/login', { login, password: login });
    } else if (page.body.includes('/confirm"')) {
      page = await browser.submit(page, '/confirm');
    } else if (page.body.includes('value="allow"')) {
      page = await browser.submit(page, '/requests/', { decision: 'allow' });
    } else return page;
  }
  return page;
}

test('a call pauses, alice consents, and the call is served with her own upstream token, and later with the next one', async () => {
  const application = await registerApplication(trial.urls.corporateIdp, 'A program of alice’s');
  const url = `${trial.urls.gateway}/http/reports/reports`;
  const resource = `${trial.urls.gateway}/http/reports`;
  const tokens = await callerTokens(trial.urls.corporateIdp, application, 'alice', resource);
  const call = () => fetch(url, { headers: { authorization: `Bearer ${tokens.accessToken}` } });

  const paused = await call();
  expect(paused.status).toBe(403);
  const problem = (await paused.json()) as { type: string; interaction_uri: string };
  expect(problem.type).toBe('urn:symbolon:interaction-required');

  const done = await clickThrough(problem.interaction_uri, 'alice', 'alice@upstream');
  expect(done.body).toContain('is connected');

  const served = await call();
  expect(served.status).toBe(200);
  const first = (await served.json()) as { account: string; expiresAt: number };
  expect(first.account).toBe('alice@upstream');

  const received = JSON.stringify(await trial.received('reports'));
  expect(received).not.toContain(tokens.accessToken);
  const sent = (await trial.issued('upstreamIdp')).find(({ kind }) => kind === 'access_token');
  expect(decodeJwt(sent?.value ?? '')['aud']).toBe(trial.urls.reports);
  expect(received).toContain(sent?.value);
  // The trial's provider offers DPoP: what reached the service is of no use without its key.
  const schemes = (await trial.received('reports'))
    .flatMap(({ headers }) => headers['authorization'] ?? [])
    .map((value) => String(value).split(' ')[0]);
  expect(new Set(schemes)).toEqual(new Set(['DPoP']));

  const issuedAt = async () => {
    const again = await call();
    expect(again.status).toBe(200);
    return ((await again.json()) as { issuedAt: number }).issuedAt;
  };
  await expect.poll(issuedAt, { timeout: 20_000, interval: 500 }).toBeGreaterThan(first.expiresAt);
  expect((await trial.idpCounters('upstreamIdp')).refused).toEqual({});
});
