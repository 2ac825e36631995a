import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ScriptableAuthorizationServer } from './scriptable-authorization-server.js';
import * as answers from './scripted-answer.js';

let server: ScriptableAuthorizationServer;

beforeEach(async () => {
  server = await ScriptableAuthorizationServer.start();
});
afterEach(() => server.stop());

const verifier = 'v'.repeat(43);
const callback = 'http://127.0.0.1:1/callback';

function post(path: string, form: Record<string, string>): Promise<Response> {
  return fetch(`${server.issuer}${path}`, { method: 'POST', body: new URLSearchParams(form) });
}

async function authorize(): Promise<URL> {
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const query = new URLSearchParams({
    client_id: 'c1',
    redirect_uri: callback,
    scope: 'openid read',
    state: 's1',
    nonce: 'n1',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  });
  const answer = await fetch(`${server.issuer}/authorize?${query.toString()}`, {
    redirect: 'manual',
  });
  return new URL(answer.headers.get('location') ?? '');
}

async function tokens(): Promise<Record<string, string>> {
  const code = (await authorize()).searchParams.get('code') ?? '';
  const answer = await post('/token', {
    grant_type: 'authorization_code',
    code,
    redirect_uri: callback,
    code_verifier: verifier,
  });
  return (await answer.json()) as Record<string, string>;
}

function refresh(refreshToken = ''): Promise<Response> {
  return post('/token', { grant_type: 'refresh_token', refresh_token: refreshToken });
}

test('a code is redeemed with its verifier only, and the tokens carry an ID token', async () => {
  const location = await authorize();
  expect(location.searchParams.get('state')).toBe('s1');
  expect(location.searchParams.get('iss')).toBe(server.issuer);
  const code = location.searchParams.get('code') ?? '';
  const wrong = { grant_type: 'authorization_code', code, redirect_uri: callback };
  expect((await post('/token', { ...wrong, code_verifier: 'x' })).status).toBe(400);
  expect(await tokens()).toMatchObject({ id_token: expect.any(String), token_type: 'Bearer' });
});

test('strict rotation: using an old refresh token ends the family', async () => {
  const first = await tokens();
  const second = (await (await refresh(first['refresh_token'])).json()) as Record<string, string>;
  expect((await refresh(first['refresh_token'])).status).toBe(400);
  expect((await refresh(second['refresh_token'])).status).toBe(400);
});

test('overlapping refreshes of one grant are counted', async () => {
  server.families.rotation = { kind: 'none' };
  const { refresh_token } = await tokens();
  server.script('token', answers.slow(100), answers.slow(10));
  await Promise.all([refresh(refresh_token), refresh(refresh_token)]);
  await expect.poll(() => server.families.all[0]?.inFlight).toBe(0);
  expect(server.families.all[0]).toMatchObject({ overlaps: 1, attempts: 2, refreshes: 2 });
});

test('a scripted answer is given once, in order, and the endpoint is ordinary again', async () => {
  server.families.rotation = { kind: 'grace', graceMs: 10_000 };
  const { refresh_token } = await tokens();
  server.script(
    'token',
    answers.tooManyRequests(7),
    answers.html,
    answers.dropAfterWork,
    answers.altered({ expires_in: '3600', access_token: undefined }),
  );
  const limited = await refresh(refresh_token);
  expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '7']);
  expect((await refresh(refresh_token)).headers.get('content-type')).toBe('text/html');
  await expect(refresh(refresh_token)).rejects.toThrow('fetch failed');
  expect(await (await refresh(refresh_token)).json()).toMatchObject({ expires_in: '3600' });
  expect((await refresh(refresh_token)).status).toBe(200);
  expect(server.count('token', 'refresh_token')).toBe(5);
});

test('a hanging answer never comes, and half an answer breaks off', async () => {
  server.script('token', answers.hang, answers.halfResponse);
  const hanging = fetch(`${server.issuer}/token`, {
    method: 'POST',
    signal: AbortSignal.timeout(200),
  });
  await expect(hanging).rejects.toThrow('aborted due to timeout');
  await expect(post('/token', { grant_type: 'x' }).then((half) => half.text())).rejects.toThrow(
    'terminated',
  );
});
