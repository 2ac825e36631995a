import { afterEach, describe, expect, test } from 'vitest';
import type { Verification } from '#lib/jwt/caller';
import type { IncomingMessage } from 'node:http';
import { startGatewayFixture, upstreamOf, type GatewayFixture } from '../gateway-fixture.js';
import type { Refusal } from './inbound.js';
import { RefusalLines } from './refusal-lines.js';
import { RefusedTokens } from './refused-tokens.js';
import { VerifiedInbound } from './verified-inbound.js';
import { VerifiedTokens } from './verified-tokens.js';

const clock = { nowMs: 0, now: () => clock.nowMs / 1000, monotonicMs: () => clock.nowMs };
const signature = { reason: 'signature', generation: 0 } as const;
const refusal: Refusal = {
  ...{ ok: false, status: 401, code: 'invalid-token', detail: 'no', headers: {} },
};

/** An inbound whose verifier finds every token bad for `reason`, and counts. */
function refusing(reason: Extract<Verification, { ok: false }>['reason']) {
  const verified = new VerifiedTokens(clock);
  const refused = new RefusedTokens(clock, verified);
  const seen = { verifications: 0 };
  const inbound = new VerifiedInbound({
    ...{ publicUrl: 'https://gateway.example', origins: [], verified, refused },
    catalogue: { ready: true, issuers: [], applications: [], askedClaims: new Set() },
    turns: { ask: () => undefined },
    verifier: {
      verify: () => {
        seen.verifications += 1;
        return { ok: false, reason, detail: 'no' };
      },
    },
  });
  const ask = (token: string, route = '/http/reports') => {
    const request = { headers: { authorization: `Bearer ${token}` } } as IncomingMessage;
    return Promise.resolve(inbound.admit(request, route, undefined));
  };
  return { ask, seen, verified, refused };
}

describe('row 30, flood of bad tokens', () => {
  test('one that is sent again and again is verified once in ten seconds', async () => {
    const { ask, seen } = refusing('signature');
    for (let i = 0; i < 1_000; i += 1) expect((await ask('a.b.c')).ok).toBe(false);
    expect(seen.verifications).toBe(1);
    clock.nowMs += 10_000;
    await ask('a.b.c');
    expect(seen.verifications).toBe(2);
  });

  test.each([
    ['signature', 1],
    ['unknown-issuer', 1],
    ['expired', 1],
    ['audience', 1],
    ['not-yet-valid', 3],
    ['issued-in-future', 3],
  ] as const)('%s: three askings are %d verifications, for it may become right', async (...row) => {
    const [reason, verifications] = row;
    const { ask, seen } = refusing(reason);
    for (let i = 0; i < 3; i += 1) await ask('a.b.c');
    expect(seen.verifications).toBe(verifications);
  });

  test('a key that is published later is found a second later', async () => {
    const { ask, seen } = refusing('unknown-key');
    for (let i = 0; i < 3; i += 1) await ask('a.b.c');
    clock.nowMs += 1_000;
    await ask('a.b.c');
    expect(seen.verifications).toBe(2);
  });

  test('what is refused at one route is judged anew at another', async () => {
    const { ask, seen } = refusing('audience');
    await ask('a.b.c');
    await ask('a.b.c', '/mcp/snow');
    expect(seen.verifications).toBe(2);
  });

  test('ten thousand different ones leave nothing but the last few thousand', async () => {
    const { ask, refused, verified } = refusing('signature');
    const good = { caller: { expiresAt: Infinity } as never, refusal: undefined };
    verified.put('good', good, verified.generation);
    for (let i = 0; i < 10_000; i += 1) await ask(`a.b.${i}`);
    expect(refused.size).toBe(4_096);
    expect(verified.find('good')?.caller).toBe(good.caller);
  });

  test('an issuer, a key or a policy that changes forgets them all, also one under way', () => {
    const verified = new VerifiedTokens(clock);
    const refused = new RefusedTokens(clock, verified);
    refused.put('key', refusal, signature);
    expect(refused.find('key')).toBe(refusal);
    verified.clear();
    expect(refused.find('key')).toBeUndefined();
    refused.put('key', refusal, signature);
    expect(refused.find('key')).toBeUndefined();
  });
});

let fixture: GatewayFixture | undefined;
afterEach(() => fixture?.stop());

test('row 30, flood of made-up kids: the keys are read once, and twenty lines tell of it', async () => {
  fixture = await startGatewayFixture({
    upstreams: (origin) => [upstreamOf('open', origin, { credential: { type: 'none' } })],
  });
  const { origin, issuer, log } = fixture;
  const token = await fixture.token('/http/open');
  const [, claims, proof] = token.split('.');
  const call = async (bearer: string): Promise<number> => {
    const headers = { authorization: `Bearer ${bearer}` };
    const response = await fetch(`${origin}/http/open/x`, { headers });
    await response.arrayBuffer();
    return response.status;
  };
  const kidded = (kid: string): string => {
    const header = JSON.stringify({ alg: 'RS256', typ: 'at+jwt', kid });
    return `${Buffer.from(header).toString('base64url')}.${claims}.${proof}`;
  };
  expect(await call(token)).toBe(200);
  const read = issuer.fetches.jwks;
  const made = Array.from({ length: 60 }, (_, i) => call(kidded(`made-up-${i}`)));
  expect(new Set(await Promise.all(made))).toEqual(new Set([401]));
  expect(issuer.fetches.jwks - read).toBeLessThanOrEqual(1);
  expect(await call(token)).toBe(200);
  const lines = log.filter((line) => line.includes('"caller.refused"'));
  // They may come in two seconds.
  expect(lines.length).toBeGreaterThanOrEqual(20);
  expect(lines.length).toBeLessThanOrEqual(40);
});

test('of refused callers twenty lines a second are written per code, and how many more there were', () => {
  const told: { event: string; code?: unknown; omitted?: unknown }[] = [];
  const lines = new RefusalLines({ info: (entry) => void told.push(entry) });
  for (let i = 0; i < 1_000; i += 1)
    for (const code of ['invalid-token', 'unauthenticated'])
      lines.write(code, { event: 'caller.refused', code });
  lines.endSecond();
  lines.write('invalid-token', { event: 'caller.refused', code: 'invalid-token' });
  lines.endSecond();
  const ofCode = told.filter(({ code }) => code === 'invalid-token');
  expect(ofCode.filter(({ event }) => event === 'caller.refused')).toHaveLength(21);
  expect(ofCode.filter(({ event }) => event === 'caller.refusals_omitted')).toEqual([
    { event: 'caller.refusals_omitted', code: 'invalid-token', omitted: 980 },
  ]);
});
