import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startGatewayFixture, tokenAnswer, type GatewayFixture } from '../gateway-fixture.js';

let fixture: GatewayFixture;
let person = 0;
let bearer: string;
/** Scopes that the vault hands out a token for. */
let agreed: Set<string>;

beforeAll(async () => {
  fixture = await startGatewayFixture();
});
afterAll(() => fixture.stop());

beforeEach(async () => {
  person += 1;
  bearer = await fixture.token('/http/reports', { sub: `person-${person}` });
  agreed = new Set(['read']);
  fixture.seen.length = 0;
  fixture.vault.exchanges.length = 0;
  fixture.vault.answer = (form) => {
    const asked = form.get('scope')?.split(' ') ?? [];
    if (asked.includes('forbidden')) return { status: 400, body: { error: 'invalid_scope' } };
    if (asked.every((scope) => agreed.has(scope)))
      return tokenAnswer(`token:${[...agreed].join('+')}`);
    const interaction = {
      interaction_id: 'i-1',
      interaction_uri: 'https://vault.example/connect/x',
    };
    const body = { error: 'interaction_required', error_description: '', message: 'More.' };
    return { status: 400, body: { ...body, ...interaction, expires_in: 600, interval: 5 } };
  };
  needs('write');
});

/** The upstream asks for this scope, in the token's name or else. */
function needs(scope: string, status = 403, always = false): void {
  fixture.serve = async (request, response) => {
    request.resume();
    const has = request.headers.authorization?.split(/[:+]/).includes(scope) === true;
    if (has && !always) return void response.end('served');
    const challenge = `Bearer error="insufficient_scope", scope="${scope}"`;
    response.writeHead(status, { 'www-authenticate': challenge }).end('no');
  };
}

async function call(init: RequestInit & { duplex?: 'half' } = {}) {
  const headers = { authorization: `Bearer ${bearer}` };
  const answer = await fetch(`${fixture.origin}/http/reports/x`, { ...init, headers });
  const text = await answer.text();
  const body = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text };
  return { status: answer.status, headers: answer.headers, body };
}

const asked = () => fixture.vault.exchanges.map((form) => form.get('scope'));

test.each([403, 401])(
  '%i insufficient_scope: the person is asked for the union, and after that the call goes through',
  async (status) => {
    needs('write', status);
    const paused = await call({ method: 'POST', body: 'once' });
    expect(paused).toMatchObject({
      status: 403,
      body: { type: 'urn:symbolon:interaction-required', interaction_id: 'i-1' },
    });
    expect(paused.headers.get('www-authenticate')).toBeNull();
    expect(asked()).toEqual(['read', 'read write']);
    agreed.add('write');
    expect(await call({ method: 'POST', body: 'once' })).toMatchObject({
      status: 200,
      body: { text: 'served' },
    });
    expect(fixture.seen.at(-1)?.headers.authorization).toBe('Bearer token:read+write');
  },
);

test('what was agreed to since the token was borrowed is used at once, within the call', async () => {
  await call();
  agreed.add('write');
  const before = fixture.seen.length;
  expect(await call()).toMatchObject({ status: 200, body: { text: 'served' } });
  expect(fixture.seen.length - before).toBe(2);
});

test('an upstream that wants what was asked for already gets no second request: a clear 403', async () => {
  agreed.add('write');
  needs('write', 403, true);
  for (let round = 0; round < 3; round += 1) {
    const refused = await call();
    expect(refused).toMatchObject({
      status: 403,
      body: { type: 'urn:symbolon:insufficient-scope' },
    });
    expect(refused.body['detail']).toContain('"write", which was asked for already');
    expect(refused.body).not.toHaveProperty('interaction_uri');
  }
  expect(fixture.seen).toHaveLength(3);
  expect(asked()).toEqual(['read', 'read write']);
});

test('an upstream that names another scope each time is asked about once in a call', async () => {
  let round = 0;
  for (const scope of ['s1', 's2', 's3']) agreed.add(scope);
  fixture.vault.answer = () => tokenAnswer(`token-${(round += 1)}`);
  fixture.serve = (_request, response) => {
    const challenge = `Bearer error="insufficient_scope", scope="s${round}"`;
    response.writeHead(403, { 'www-authenticate': challenge }).end();
  };
  expect((await call()).status).toBe(403);
  expect(fixture.seen).toHaveLength(2);
});

test.each([
  ['a scope of the call itself', 'read', 'which was asked for already'],
  ['a scope that nobody listed', 'forbidden', 'an administrator has to allow it'],
])('%s is a clear 403, nobody is asked', async (_case, scope, words) => {
  fixture.serve = (_request, response) => {
    const challenge = `Bearer error="insufficient_scope", scope="${scope}"`;
    response.writeHead(403, { 'www-authenticate': challenge }).end();
  };
  const refused = await call();
  expect(refused).toMatchObject({ status: 403, body: { type: 'urn:symbolon:insufficient-scope' } });
  expect(refused.body['detail']).toContain(words);
});

test('a body that was streamed is not sent twice', async () => {
  await call();
  agreed.add('write');
  const body = new Response('streamed').body;
  expect(await call({ method: 'POST', body, duplex: 'half' })).toMatchObject({ status: 502 });
  expect((await call()).status).toBe(200);
});

test('a 403 that says nothing of scope is the upstream’s own answer', async () => {
  fixture.serve = (_request, response) => void response.writeHead(403).end('not yours');
  expect(await call()).toMatchObject({ status: 403, body: { text: 'not yours' } });
  expect(asked()).toEqual(['read']);
});
