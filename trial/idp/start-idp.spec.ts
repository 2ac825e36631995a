import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '#lib/testing/free-port';
import { HttpBrowser } from '#lib/testing/http-browser';
import type { LocalServer } from '#lib/testing/local-server';
import { controlHeader } from '#lib/testing/trial-control';
import type { IdpConfig } from './idp-config.js';
import { startIdp } from './start-idp.js';

const callback = 'http://127.0.0.1:9/callback/upstream-idp';
const resource = 'http://127.0.0.1:9/mcp';
const controlToken = randomBytes(32).toString('base64url');
const secret = 'a secret of at least thirty-two characters';

let stateDir: string;
let server: LocalServer;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'symbolon-idp-'));
});
afterEach(async () => {
  await server.stop();
  await rm(stateDir, { recursive: true, force: true });
});

async function start(kind: IdpConfig['kind'], port?: number): Promise<void> {
  const at = port ?? (await freePort());
  server = await startIdp({
    kind,
    port: at,
    issuer: `http://127.0.0.1:${at}`,
    stateDir,
    controlToken,
    accessTokenTtl: 120,
    resources: [{ uri: resource, scopes: ['mcp:use'] }],
    firstParty: [],
    clients: [
      {
        client_id: 'vault',
        client_secret: secret,
        redirect_uris: [callback],
        grant_types: ['authorization_code', 'refresh_token'],
      },
    ],
  });
}

interface Client {
  readonly id: string;
  readonly secret?: string;
  readonly redirectUri: string;
}

const vault: Client = { id: 'vault', secret, redirectUri: callback };

async function codeOf(
  client: Client,
  login: string,
  scope: string,
  verifier: string,
): Promise<URL> {
  const browser = new HttpBrowser((url) => url.href.startsWith(client.redirectUri));
  const query = new URLSearchParams({
    client_id: client.id,
    redirect_uri: client.redirectUri,
    response_type: 'code',
    scope,
    resource,
    prompt: 'consent',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const loginPage = await browser.get(`${server.origin}/auth?${query.toString()}`);
  const denied = await browser.submit(loginPage, '/login', { login, password: 'wrong' });
  expect([loginPage.status, denied.status]).toEqual([200, 401]);
  const consent = await browser.submit(denied, '/login', { login, password: login });
  expect(consent.body).toContain('Allow');
  return (await browser.submit(consent, '/confirm')).url;
}

async function token(
  client: Client,
  form: Record<string, string>,
): Promise<Record<string, string>> {
  const authorization = Buffer.from(`${client.id}:${encodeURIComponent(client.secret ?? '')}`);
  const answer = await fetch(`${server.origin}/token`, {
    method: 'POST',
    body: new URLSearchParams(
      client.secret === undefined ? { ...form, client_id: client.id } : form,
    ),
    headers:
      client.secret === undefined
        ? {}
        : { authorization: `Basic ${authorization.toString('base64')}` },
  });
  return (await answer.json()) as Record<string, string>;
}

async function connect(client: Client, login: string, scope: string) {
  const verifier = randomBytes(32).toString('base64url');
  const answer = await codeOf(client, login, scope, verifier);
  expect(answer.searchParams.get('iss')).toBe(server.origin);
  return token(client, {
    grant_type: 'authorization_code',
    code: answer.searchParams.get('code') ?? '',
    redirect_uri: client.redirectUri,
    code_verifier: verifier,
  });
}

function refresh(client: Client, refreshToken = '') {
  return token(client, { grant_type: 'refresh_token', refresh_token: refreshToken });
}

test('the corporate one registers a client, whose user gets a JWT bound to the resource', async () => {
  await start('corporate');
  const redirectUri = 'http://127.0.0.1:9/cb';
  const registration = await fetch(`${server.origin}/reg`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'An MCP client',
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
    }),
  });
  const { client_id: id } = (await registration.json()) as { client_id: string };
  const tokens = await connect({ id, redirectUri }, 'alice', 'openid profile mcp:use');
  const accessToken = tokens['access_token'] ?? '';
  expect(decodeProtectedHeader(accessToken)).toMatchObject({ typ: 'at+jwt', alg: 'RS256' });
  expect(decodeJwt(accessToken)).toMatchObject({
    iss: server.origin,
    sub: 'corp-1001',
    aud: resource,
    client_id: id,
    scope: 'mcp:use',
    groups: expect.arrayContaining(['analysts']),
  });
  expect(decodeJwt(tokens['id_token'] ?? '')).toMatchObject({ preferred_username: 'alice' });
});

test('the upstream one rotates, and the reuse of an old refresh token ends the grant', async () => {
  await start('upstream');
  const first = await connect(vault, 'bob@upstream', 'openid offline_access mcp:use');
  expect(decodeJwt(first['access_token'] ?? '')).toMatchObject({ upn: 'bob@upstream' });
  const second = await refresh(vault, first['refresh_token']);
  expect(second['refresh_token']).not.toBe(first['refresh_token']);
  expect(decodeJwt(second['access_token'] ?? '')['aud']).toBe(resource);
  expect(await refresh(vault, first['refresh_token'])).toMatchObject({ error: 'invalid_grant' });
  expect(await refresh(vault, second['refresh_token'])).toMatchObject({ error: 'invalid_grant' });
});

test('the upstream one gives no refresh token without offline_access', async () => {
  await start('upstream');
  expect(await connect(vault, 'alice@upstream', 'openid mcp:use')).not.toHaveProperty(
    'refresh_token',
  );
});

test('a second start finds grants and keys again', async () => {
  await start('upstream');
  const { refresh_token } = await connect(vault, 'alice@upstream', 'openid offline_access mcp:use');
  const keys = await (await fetch(`${server.origin}/jwks`)).json();
  await server.stop();
  await start('upstream', server.port);
  expect(await refresh(vault, refresh_token)).toMatchObject({ access_token: expect.any(String) });
  expect(await (await fetch(`${server.origin}/jwks`)).json()).toEqual(keys);
});

test('the control endpoint counts, tells what was issued, and takes the provider down', async () => {
  await start('upstream');
  const tokens = await connect(vault, 'alice@upstream', 'openid offline_access mcp:use');
  const control = (path: string, init: RequestInit = {}) =>
    fetch(`${server.origin}${path}`, { ...init, headers: { [controlHeader]: controlToken } });
  expect((await fetch(`${server.origin}/trial/issued`)).status).toBe(403);
  expect(await (await control('/trial/state')).json()).toMatchObject({
    succeeded: { authorization_code: 1 },
  });
  const issued = (await (await control('/trial/issued')).json()) as { value: string }[];
  expect(issued.map(({ value }) => value)).toContain(tokens['access_token']);
  expect(issued).toHaveLength(4);
  await control('/trial/mode', { method: 'POST', body: '{"mode":"unavailable"}' });
  expect((await fetch(`${server.origin}/jwks`)).status).toBe(503);
});

test('an error at the provider is a page of ours, without anything from elsewhere', async () => {
  await start('upstream');
  const page = await (await fetch(`${server.origin}/auth?client_id=unknown`)).text();
  expect(page).toContain('invalid_client');
  expect(page).not.toMatch(/https?:\/\/|@import/);
});
