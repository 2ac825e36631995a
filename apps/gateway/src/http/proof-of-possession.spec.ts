import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ProofCheck } from '#lib/testing/proof-check';
import { startGatewayFixture, tokenAnswer, type GatewayFixture } from '../gateway-fixture.js';

let fixture: GatewayFixture;
let resource: ProofCheck;
let jwk: JWK;
let person = 0;
let bearer: string;
/** The keys that good tokens are bound to. */
const keys = new Map<string, string>();

beforeAll(async () => {
  fixture = await startGatewayFixture();
});
afterAll(() => fixture.stop());

beforeEach(async () => {
  person += 1;
  bearer = await fixture.token('/http/reports', { sub: `person-${person}` });
  jwk = await freshKey();
  keys.set(`bound-${person}`, await calculateJwkThumbprint(jwk));
  resource = new ProofCheck(fixture.upstream.origin, (token) => keys.get(token));
  fixture.seen.length = 0;
  fixture.vault.exchanges.length = 0;
  fixture.vault.answer = () => handedOut();
  fixture.serve = async (request, response) => {
    request.resume();
    const challenge = await resource.challenge(request);
    const nonce: Record<string, string> = resource.nonce ? { 'dpop-nonce': resource.nonce } : {};
    if (challenge === undefined) return void response.writeHead(200, nonce).end('served');
    response.writeHead(401, { ...nonce, 'www-authenticate': challenge }).end('no');
  };
});

async function freshKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return exportJWK(privateKey);
}

function handedOut(changes: Record<string, unknown> = {}) {
  const dpop = { jwk, required: false, ...changes };
  return tokenAnswer(`bound-${person}`, { token_type: 'DPoP', dpop });
}

function call(path = 'x', init: RequestInit & { duplex?: 'half' } = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${bearer}`, ...(init.headers as object) };
  return fetch(`${fixture.origin}/http/reports/${path}`, { ...init, headers });
}

test('each request proves the key: method, address, token, once', async () => {
  for (const [path, init] of [
    ['x?q=1', {}],
    ['x?q=1', {}],
    ['a/b', { method: 'POST', body: 'text' }],
    ['c', { method: 'DELETE' }],
  ] as const) {
    const answer = await call(path, init);
    expect([answer.status, await answer.text()]).toEqual([200, 'served']);
  }
  expect(fixture.vault.exchanges).toHaveLength(1);
  const proofs = fixture.seen.map(({ headers }) => headers['dpop']);
  expect(new Set(proofs).size).toBe(4);
  expect(fixture.seen[0]?.headers.authorization).toBe(`DPoP bound-${person}`);
});

test('a nonce that the upstream demands is used at once and from then on, and told to nobody', async () => {
  resource.nonce = 'nonce-1';
  const first = await call('x', { method: 'POST', body: 'text' });
  expect(first.status).toBe(200);
  expect(first.headers.get('dpop-nonce')).toBeNull();
  expect(fixture.seen).toHaveLength(2);
  expect((await call()).status).toBe(200);
  expect(fixture.seen).toHaveLength(3);
  resource.nonce = 'nonce-2';
  expect((await call()).status).toBe(200);
  expect(fixture.seen).toHaveLength(5);
  // The token was good all the while: nobody refreshed it.
  expect(fixture.vault.exchanges).toHaveLength(1);
});

test('an upstream that never has enough of nonces is asked twice, and no more', async () => {
  let round = 0;
  fixture.serve = (request, response) => {
    request.resume();
    const challenge = 'DPoP error="use_dpop_nonce"';
    const headers = { 'dpop-nonce': `n-${(round += 1)}`, 'www-authenticate': challenge };
    response.writeHead(401, headers).end();
  };
  expect((await call()).status).toBe(502);
  expect(fixture.seen.length).toBeLessThanOrEqual(4);
});

test('a body that was streamed is not sent twice: the caller is told to send it again', async () => {
  resource.nonce = 'nonce-of-a-stream';
  const send = () =>
    call('x', { method: 'POST', body: new Response('streamed').body, duplex: 'half' });
  expect((await send()).status).toBe(502);
  expect((await send()).status).toBe(200);
});

describe('row 20, token passthrough', () => {
  test('the caller’s own proof goes nowhere', async () => {
    const answer = await call('x', { headers: { dpop: 'the-callers-proof' } });
    expect(answer.status).toBe(200);
    expect(JSON.stringify(fixture.seen)).not.toContain('the-callers-proof');
    expect(
      fixture.seen[0]?.rawHeaders.filter((name) => name.toLowerCase() === 'dpop'),
    ).toHaveLength(1);
  });
});

describe('row 22, what an upstream may say to the caller', () => {
  test('its nonces and challenges stay here', async () => {
    fixture.serve = (_request, response) => {
      const challenge = 'DPoP error="invalid_token"';
      response.writeHead(401, { 'dpop-nonce': 'secret', 'www-authenticate': challenge }).end();
    };
    const answer = await call();
    expect(answer.status).toBe(502);
    expect([...answer.headers.keys()]).not.toContain('dpop-nonce');
    expect(answer.headers.get('www-authenticate') ?? '').not.toContain('DPoP');
  });
});

describe('a token without its key', () => {
  test('a stolen token: with another key or as a bearer token it opens nothing', async () => {
    const own = jwk;
    jwk = await freshKey();
    expect((await call()).status).toBe(502);
    const authorization = { authorization: `Bearer bound-${person}` };
    const direct = await fetch(`${fixture.upstream.origin}/x`, { headers: authorization });
    expect(direct.status).toBe(401);
    expect(own).not.toEqual(jwk);
  });

  test('a stolen proof: it is good for one method, one address, one time', async () => {
    expect((await call('x')).status).toBe(200);
    const { authorization = '', dpop } = fixture.seen[0]?.headers ?? {};
    const again = (method: string, path: string) =>
      fetch(`${fixture.upstream.origin}${path}`, {
        method,
        headers: { authorization, dpop: String(dpop) },
      });
    for (const [method, path] of [
      ['GET', '/api/x'],
      ['POST', '/api/x'],
      ['GET', '/api/y'],
    ] as const)
      expect((await again(method, path)).status).toBe(401);
  });

  test('an answer that names a type without its key is not used', async () => {
    fixture.vault.answer = () => tokenAnswer(`bound-${person}`, { token_type: 'DPoP' });
    expect((await call()).status).toBe(503);
    expect(fixture.seen).toHaveLength(0);
  });
});

describe('an upstream that does not know DPoP', () => {
  beforeEach(() => {
    fixture.serve = (request, response) => {
      request.resume();
      if (request.headers.authorization === `Bearer bound-${person}`) response.end('served');
      else response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
    };
  });

  test('takes the token as a bearer token (RFC 9449 §7.2), from then on at once', async () => {
    expect((await call()).status).toBe(200);
    expect(fixture.seen).toHaveLength(2);
    expect((await call()).status).toBe(200);
    expect(fixture.seen).toHaveLength(3);
    expect(fixture.seen[2]?.headers['dpop']).toBeUndefined();
    // Once it does know it, it says so.
    resource.nonce = undefined;
    fixture.serve = async (request, response) => {
      const challenge = await resource.challenge(request);
      if (challenge === undefined) return void response.end('served');
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    };
    expect((await call()).status).toBe(200);
    expect((await call()).status).toBe(200);
    expect(fixture.seen).toHaveLength(6);
  });

  test('gets nothing where DPoP is demanded', async () => {
    fixture.vault.answer = () => handedOut({ required: true });
    expect((await call()).status).toBe(502);
    expect(fixture.seen.map(({ headers }) => headers.authorization)).not.toContain(
      `Bearer bound-${person}`,
    );
  });
});

test('row 40, log leaks: neither the key nor a proof stands in the log', async () => {
  await call();
  const log = fixture.log.join('\n');
  expect(log).not.toContain(String(jwk.d));
  expect(log).not.toContain(`bound-${person}`);
  expect(log).not.toContain(String(fixture.seen[0]?.headers['dpop']));
});
