import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LocalServer, startLocalServer } from '#lib/testing/local-server';
import { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import { status } from '#lib/testing/scripted-answer';
import { TrialStack } from '#lib/testing/trial-stack';
import { admin, TrialCaller } from './trial-caller.js';

let trial: TrialStack;
let alice: TrialCaller;
let provider: ScriptableAuthorizationServer;
/** Says what it was asked with. */
let api: LocalServer;

beforeAll(async () => {
  api = await startLocalServer(({ url, headers }, response) => {
    const { authorization, 'x-key': key } = headers;
    response.end(JSON.stringify({ url, authorization, key }));
  });
  provider = await ScriptableAuthorizationServer.start();
  trial = await TrialStack.start();
  alice = await TrialCaller.signedIn(trial, 'alice');
  await put('oauth-clients/robots', {
    ...{ slug: 'robots', name: 'Robots', issuer: provider.issuer, clientId: 'symbolon' },
    clientSecret: 'robots-secret',
  });
});

afterAll(async () => {
  await trial?.stop();
  await provider?.stop();
  await api?.stop();
});

async function put(path: string, document: object): Promise<void> {
  const answer = await admin(trial, 'PUT', path, document);
  if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
}

function upstream(slug: string, about: object): Promise<void> {
  const url = `${api.origin}/${slug}`;
  return put(`upstreams/${slug}`, { slug, name: slug, type: 'http', url, ...about });
}

async function call(slug: string, headers: Record<string, string> = {}): Promise<unknown> {
  const url = `${trial.urls.gateway}/http/${slug}/x`;
  const answer = await fetch(url, { headers: { ...alice.headers, ...headers } });
  return answer.status === 200 ? answer.json() : answer.status;
}

const issued = (access_token: string) =>
  status(200, { access_token, token_type: 'Bearer', expires_in: 600 });
const within = { timeout: 5_000, interval: 50 };

it('a secret of everybody’s stands where the upstream wants it, and another one takes its place at once', async () => {
  const inject = { header: 'X-Key', scheme: '' };
  await upstream('fixed', { credential: { type: 'static', secret: 'first' }, inject });
  await expect.poll(() => call('fixed'), within).toMatchObject({ key: 'first' });
  await upstream('fixed', { credential: { type: 'static', secret: 'second' }, inject });
  await expect.poll(() => call('fixed'), within).toMatchObject({ key: 'second' });
  const query = { ...inject, query: 'api_key' };
  await upstream('fixed', { credential: { type: 'static' }, inject: query });
  await expect.poll(() => call('fixed'), within).toMatchObject({ url: '/fixed/x?api_key=second' });
});

it('a service account’s token is got, and the caller’s own is exchanged where that is allowed', async () => {
  provider.script('token', issued('of-the-robot'));
  await upstream('robotic', { credential: { type: 'client-credentials', oauthClient: 'robots' } });
  await expect
    .poll(() => call('robotic'), within)
    .toMatchObject({ authorization: 'Bearer of-the-robot' });
  const exchange = { type: 'token-exchange', oauthClient: 'robots', audience: 'reports' };
  const before = provider.requests.length;
  await upstream('federated', { credential: exchange });
  await expect.poll(() => call('federated'), within).toBe(403);
  expect(provider.requests).toHaveLength(before);
  provider.script('token', issued('of-alice'));
  await upstream('federated', { credential: { ...exchange, subjectIssuers: ['corporate'] } });
  await expect
    .poll(() => call('federated'), within)
    .toMatchObject({ authorization: 'Bearer of-alice' });
  expect(provider.requests.at(-1)?.parameters.get('subject_token')).toBe(
    alice.headers.authorization?.replace('Bearer ', ''),
  );
});

it('a token that the caller brings goes before what could be borrowed, and their own goes nowhere', async () => {
  await upstream('brought', {
    credential: { type: 'static', secret: 'ours' },
    callerHeader: 'X-Forge-Token',
  });
  await expect.poll(() => call('brought'), within).toMatchObject({ authorization: 'Bearer ours' });
  const theirs = { 'x-forge-token': 'theirs' };
  expect(await call('brought', theirs)).toMatchObject({ authorization: 'Bearer theirs' });
  const own = alice.headers.authorization?.replace('Bearer ', '') ?? '';
  expect(await call('brought', { 'x-forge-token': own })).toBe(400);
});
