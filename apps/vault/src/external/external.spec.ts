import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import type { CryptoKey } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { HttpBrowser, VisitedPage } from '#lib/testing/http-browser';
import { handOver, whatIsAsked } from '../../../../docs/examples/external-page.js';
import { actionOf, ConnectFixture, heading } from '../connect/connect-fixture.js';

const pageUrl = 'https://tokens.example.com/ui?team=a%20b&interaction_id=planted#/new?x=1';

let vault: ConnectFixture;
let person: string;
let people = 0;
const keys = new Map<string, CryptoKey>();

beforeAll(async () => {
  vault = await ConnectFixture.start();
  for (const [slug, url] of [
    ['forge', pageUrl],
    ['ledger', 'https://ledger.example.com/'],
  ] as const)
    await vault.put(`upstreams/${slug}`, {
      ...{ slug, name: slug === 'forge' ? 'Forge' : 'Ledger', type: 'http' },
      ...{ url: 'http://127.0.0.1:9/', credential: { type: 'external', url } },
    });
  await addBackend('forge-page', ['forge']);
  await addBackend('ledger-page', ['ledger']);
});
afterAll(() => vault.stop());

beforeEach(() => {
  people += 1;
  person = `guest-${people}`;
});

async function addBackend(slug: string, upstreams: unknown, kind = 'external'): Promise<Response> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  keys.set(slug, privateKey);
  const jwk = { ...(await exportJWK(publicKey)), kid: slug, alg: 'ES256', use: 'sig' };
  const document = { slug, kind, upstreams, jwks: { keys: [jwk] } };
  return vault.admin('PUT', `machine-clients/${slug}`, document);
}

function assertion(slug: string, claims: JWTPayload = {}): Promise<string> {
  const key = keys.get(slug);
  if (key === undefined) throw new Error(`no key of ${slug}`);
  const iat = Math.floor(Date.now() / 1000);
  const payload = { iss: slug, sub: slug, aud: vault.origin, iat, exp: iat + 60, ...claims };
  return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: slug }).sign(key);
}

interface Backend {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function call(path: string, init: RequestInit = {}, as = 'forge-page'): Promise<Backend> {
  const authorization = `Bearer ${await assertion(as)}`;
  const headers = { authorization, 'content-type': 'application/json' };
  const answer = await vault.fetch(`/external/v1/interactions/${path}`, { ...init, headers });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

function bring(id: string, about: object = {}, as = 'forge-page'): Promise<Backend> {
  const subject = { issuer: vault.corporate.issuer, subject: person };
  const body = JSON.stringify({ subject, token: `token-of-${person}`, ...about });
  return call(`${id}/token`, { method: 'POST', body }, as);
}

async function open(about: object = {}) {
  const browser = await vault.signedIn(person, (url) => url.hostname.endsWith('.example.com'));
  const asked = await vault.ask(person, { upstream: 'forge', scopes: [], ...about });
  return { browser, id: asked.id, page: await browser.get(`${vault.origin}${asked.link}`) };
}

function allow(browser: HttpBrowser, page: VisitedPage): Promise<VisitedPage> {
  return browser.submit(page, actionOf(page), { decision: 'allow' });
}

async function allowed(about: object = {}) {
  const { browser, id, page } = await open(about);
  const away = await allow(browser, page);
  return { browser, id, away };
}

function grants(): Promise<Record<string, unknown>[]> {
  return vault.rows(
    `SELECT g.status, g.upstream_account AS account, extract(epoch FROM a.expires_at)::float8 AS until
       FROM user_grant g LEFT JOIN access_token a ON a.grant_id = g.id WHERE g.subject = $1`,
    [person],
  );
}

describe('a page of the company’s own', () => {
  test('is gone to after our sign-in and Allow, with the id among what its address had', async () => {
    const { browser, id, page } = await open();
    expect(heading(page)).toBe('Let Assistant use Forge as you?');
    expect(page.body).toContain('organisation’s own page at <bdi>tokens.example.com</bdi>');
    const { url } = await allow(browser, page);
    expect(url.href).toBe(
      `https://tokens.example.com/ui?team=a%20b&interaction_id=${id}&elicitation_id=${id}#/new?x=1`,
    );
  });

  test('asks what it is for, and hands the token over', async () => {
    const { browser, id } = await allowed();
    const asked = await call(id);
    expect(asked).toMatchObject({
      status: 200,
      body: {
        ...{ interaction_id: id, status: 'pending', purpose: 'connect', upstream: 'forge' },
        ...{ upstream_name: 'Forge', application: 'Assistant' },
        return_uri: `${vault.origin}/requests/${id}`,
      },
    });
    expect(JSON.stringify(asked.body)).not.toContain(person);
    const waiting = await browser.get(`${vault.origin}/requests/${id}`);
    expect(heading(waiting)).toBe('Forge is not connected yet.');
    const until = Math.floor(Date.now() / 1000) + 600;
    const account = { subject: 'f-1', name: 'alice at forge' };
    const answer = await bring(id, { expires_at: until, account });
    expect(answer).toMatchObject({ status: 200, body: { status: 'completed' } });
    expect(await grants()).toEqual([{ status: 'active', account: 'alice at forge', until }]);
    const done = await browser.get(String(answer.body['return_uri']));
    expect(heading(done)).toBe('Forge is connected as alice at forge.');
    const records = await vault.rows(
      `SELECT outcome, actor->>'client' AS client FROM audit_event
        WHERE action = 'external.token_handed_over' AND target->>'subject' = $1`,
      [person],
    );
    expect(records).toEqual([{ outcome: 'success', client: 'forge-page' }]);
  });

  test('that brings another account has the person asked which one stays (row 13)', async () => {
    const first = await allowed();
    await bring(first.id, { account: { subject: 'f-1', name: 'old one' } });
    const again = await allowed({ purpose: 'reconnect' });
    const answer = await bring(again.id, { account: { subject: 'f-2', name: 'new one' } });
    expect(answer.body['status']).toBe('confirming');
    const records = await vault.rows(
      `SELECT outcome FROM audit_event
        WHERE action = 'external.token_handed_over' AND target->>'interaction' = $1`,
      [again.id],
    );
    expect(records).toEqual([{ outcome: 'success' }]);
    expect(await grants()).toMatchObject([{ account: 'old one' }]);
    const page = await again.browser.get(String(answer.body['return_uri']));
    const done = await again.browser.submit(page, '/requests/', { decision: 'replace' });
    expect(heading(done)).toBe('Forge is connected as new one.');
  });

  test('is declined by the person, who is not asked again by it', async () => {
    const { browser, id } = await allowed();
    const waiting = await browser.get(`${vault.origin}/requests/${id}`);
    const over = await browser.submit(waiting, '/requests/', { decision: 'decline' });
    expect(heading(over)).toBe('Nothing was connected.');
    expect((await bring(id)).status).toBe(409);
    expect((await call(id)).body['status']).toBe('declined');
  });

  test.each([
    ['no token', { token: ' ' }, '/token'],
    ['16,385 bytes', { token: 'a'.repeat(16_385) }, '/token'],
    ['a token with a line break', { token: 'a\r\nx-evil: 1' }, '/token'],
    ['a token that has ended', { expires_at: 1_000 }, '/token'],
    ['a time in words', { expires_at: 'tomorrow' }, '/expires_at'],
    ['nobody', { subject: undefined }, '/subject'],
    ['an unknown member', { refresh_token: 'x' }, '/refresh_token'],
    ['an account that cannot be stored', { account: { subject: 'a\0' } }, '/account/subject'],
  ])('is told what is wrong with %s', async (_case, about, pointer) => {
    const { id } = await allowed();
    const answer = await bring(id, about);
    expect(answer.status).toBe(422);
    expect(answer.body['errors']).toMatchObject([{ pointer }]);
    expect(await grants()).toEqual([]);
    expect((await call(id)).body['status']).toBe('pending');
  });
});

describe('the examples of the documentation', () => {
  test('external-page.ts asks, and hands over', async () => {
    const { id } = await allowed();
    const key = keys.get('forge-page');
    if (key === undefined) throw new Error('no key');
    const backend = { vault: vault.origin, client: 'forge-page', key, keyId: 'forge-page' };
    expect(await whatIsAsked(backend, id)).toMatchObject({ status: 'pending', upstream: 'forge' });
    const signedIn = { issuer: vault.corporate.issuer, subject: person };
    expect(await handOver(backend, id, signedIn, 'a-token')).toBe(`${vault.origin}/requests/${id}`);
    const stranger = { ...signedIn, subject: 'somebody' };
    await expect(handOver(backend, id, stranger, 'a-token')).rejects.toThrow('403');
  });

  test('external-page.sh hands over', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const directory = await mkdtemp(join(tmpdir(), 'symbolon-page-'));
    const pem = join(directory, 'rsa.pem');
    await writeFile(pem, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' };
    const document = { kind: 'external', upstreams: ['forge'], jwks: { keys: [jwk] } };
    await vault.put('machine-clients/shell-page', { slug: 'shell-page', ...document });
    const { id } = await allowed();
    const settings = [`VAULT=${vault.origin}`, 'CLIENT=shell-page', `KEY=${pem}`, 'KEY_ID=k1'];
    const words = ['docs/examples/external-page.sh', id, vault.corporate.issuer, person];
    const child = spawn('env', [...settings, 'bash', ...words]);
    child.stdin.end('shell-token\n');
    const printed = JSON.parse(await text(child.stdout)) as object;
    await rm(directory, { recursive: true });
    expect(printed).toMatchObject({ status: 'completed' });
    expect(await grants()).toMatchObject([{ status: 'active' }]);
  });
});

describe('attacks on the handover', () => {
  test('row 4, before Allow: nothing is told and nothing is taken', async () => {
    const { browser, id, page } = await open();
    expect((await call(id)).status).toBe(404);
    expect((await bring(id)).status).toBe(404);
    expect(heading(await browser.get(`${vault.origin}/requests/${id}/go`))).toBe(heading(page));
    expect(await grants()).toEqual([]);
  });

  test('row 4, what changes after Allow is allowed anew', async () => {
    const { id } = await allowed();
    await vault.rows('UPDATE interaction SET version = version + 1 WHERE id = $1', [id]);
    expect((await bring(id)).status).toBe(404);
    expect(await grants()).toEqual([]);
  });

  test.each([
    ['another person’s page backend', (mine: string) => ({ subject: `not-${mine}` })],
    ['the same name in capitals', (mine: string) => ({ subject: mine.toUpperCase() })],
    ['the same name at another issuer', () => ({ issuer: 'https://evil.example' })],
    ['the issuer with a slash more', () => ({ issuer: `${vault.corporate.issuer}/` })],
  ])('row 1, %s: 403, nothing stored, and a record', async (_case, wrong) => {
    const { id } = await allowed();
    const subject = { issuer: vault.corporate.issuer, subject: person, ...wrong(person) };
    expect((await bring(id, { subject })).status).toBe(403);
    expect(await grants()).toEqual([]);
    const refused = `audit_event WHERE action = 'external.token_handed_over' AND outcome = 'refused'
      AND target->>'interaction' = '${id}'`;
    await expect.poll(() => vault.count(refused)).toBe(1);
    expect((await bring(id)).status).toBe(200);
  });

  test.each([
    'https://a:b@tokens.example.com/',
    'https://user@evil.example/',
    'http://evil.example/',
  ])('row 17, open redirect: %s is no page to send people to', async (url) => {
    const credential = { type: 'external', url };
    const about = { name: 'Away', type: 'http', url: 'http://127.0.0.1:9/', credential };
    const answer = await vault.admin('PUT', 'upstreams/away', about);
    expect(answer.status).toBe(422);
    expect(JSON.stringify(await answer.json())).toContain('/credential/url');
  });

  test('a backend of another upstream: as if there were nothing', async () => {
    const { id } = await allowed();
    const theirs = await bring(id, {}, 'ledger-page');
    const unknown = await bring('00000000-0000-4000-8000-000000000000', {}, 'ledger-page');
    expect([theirs.status, unknown.status]).toEqual([404, 404]);
    expect(theirs.body['detail']).toBe(unknown.body['detail']);
    expect((await call(id, {}, 'ledger-page')).status).toBe(404);
    expect(await grants()).toEqual([]);
  });

  test('row 12, replay: one of many is taken', async () => {
    const { id } = await allowed();
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => bring(id, { token: `token-${n}` })),
    );
    const statuses = answers.map(({ status }) => status).toSorted();
    expect(statuses).toEqual([200, ...Array.from({ length: 11 }, () => 409)]);
    expect((await bring(id)).status).toBe(409);
  });

  test('too late: nothing is taken', async () => {
    const { id } = await allowed();
    await vault.rows('UPDATE interaction SET expires_at = now() WHERE id = $1', [id]);
    expect((await bring(id)).status).toBe(409);
    expect((await call(id)).body['status']).toBe('expired');
    expect(await grants()).toEqual([]);
  });

  test('row 32, other machine clients: a service brings nothing, a backend gets nothing', async () => {
    await addBackend('robot', '*', 'service');
    const { id } = await allowed();
    expect((await bring(id, {}, 'robot')).status).toBe(403);
    const authorization = `Bearer ${await assertion('forge-page')}`;
    for (const path of ['/gateway/v1/config', '/gateway/v1/events', `/interactions/${id}`])
      expect((await vault.fetch(path, { headers: { authorization } })).status).toBe(403);
    const exchange = await vault.fetch('/oauth2/token', {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await assertion('forge-page'),
      }),
    });
    expect(exchange.status).toBe(401);
    expect((await addBackend('greedy', '*')).status).toBe(422);
  });

  test('without an assertion, or with one for somebody else: 401', async () => {
    const { id } = await allowed();
    const path = `/external/v1/interactions/${id}`;
    expect((await vault.fetch(path)).status).toBe(401);
    const foreign = await assertion('forge-page', { aud: 'https://other.example.com' });
    const headers = { authorization: `Bearer ${foreign}` };
    expect((await vault.fetch(path, { headers })).status).toBe(401);
  });

  test('row 40, the token in logs, audit and answers: nowhere', async () => {
    const canary = 'canary-of-a-handed-over-token';
    const { id } = await allowed();
    const wrong = await bring(id, { token: canary, expires_at: 'x' });
    const taken = await bring(id, { token: canary });
    const rows = await vault.rows('SELECT * FROM audit_event');
    const all = [...vault.log, JSON.stringify([rows, wrong, taken])].join('\n');
    expect(all).not.toContain(canary);
  });
});
