import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestVerifier } from '#lib/testing/test-verifier';

const { good, gateway, now, route } = TestVerifier;

let bench: TestVerifier;

beforeAll(async () => {
  bench = await TestVerifier.start();
});

afterAll(() => bench.stop());

describe('row 26, weak claims', () => {
  test.each([
    ['no exp', { exp: undefined }, 'invalid-claim'],
    ['exp as a string', { exp: String(now + 300) }, 'invalid-claim'],
    ['exp null', { exp: null }, 'invalid-claim'],
    ['exp negative', { exp: -1 }, 'invalid-claim'],
    ['expired 29 s ago, within skew', { exp: now - 29 }, 'ok'],
    ['expired 30 s ago', { exp: now - 30 }, 'expired'],
    ['expired 31 s ago', { exp: now - 31 }, 'expired'],
    ['nbf in 30 s, within skew', { nbf: now + 30 }, 'ok'],
    ['nbf in 31 s', { nbf: now + 31 }, 'not-yet-valid'],
    ['nbf as a string', { nbf: '0' }, 'invalid-claim'],
    ['no iat', { iat: undefined }, 'invalid-claim'],
    ['iat as a string', { iat: String(now) }, 'invalid-claim'],
    ['iat in 30 s, within skew', { iat: now + 30 }, 'ok'],
    ['iat in 31 s', { iat: now + 31 }, 'issued-in-future'],
    ['iat tomorrow', { iat: now + 86_400, exp: now + 90_000 }, 'issued-in-future'],
    ['iat in milliseconds', { iat: now * 1000, exp: now * 1000 + 300 }, 'issued-in-future'],
    [
      'exp in milliseconds is bounded by the age',
      { exp: now * 1000, iat: now - 86_431 },
      'too-old',
    ],
    ['exp before iat', { iat: now, exp: now - 1 }, 'invalid-claim'],
    ['issued 24 h ago', { iat: now - 86_400 }, 'ok'],
    ['issued 24 h and 30 s ago', { iat: now - 86_430 }, 'too-old'],
    ['no sub', { sub: undefined }, 'subject'],
    ['sub empty', { sub: '' }, 'subject'],
    ['sub as a list', { sub: ['alice'] }, 'subject'],
    ['sub as a number', { sub: 7 }, 'subject'],
    ['sub null', { sub: null }, 'subject'],
    ['sub with NUL', { sub: 'alice\0' }, 'subject'],
    ['sub with a line end', { sub: 'alice\nbob' }, 'subject'],
    ['sub with half a character', { sub: 'alice\ud800' }, 'subject'],
    ['sub of 513 characters', { sub: 'a'.repeat(513) }, 'subject'],
    ['no aud', { aud: undefined }, 'audience'],
    ['aud empty', { aud: '' }, 'audience'],
    ['aud as an empty list', { aud: [] }, 'invalid-claim'],
    ['aud as an object', { aud: { a: gateway } }, 'invalid-claim'],
    ['aud with a number', { aud: [gateway, 1] }, 'invalid-claim'],
    ['bound to a DPoP key', { cnf: { jkt: 'x' } }, 'sender-constrained'],
    ['bound to a certificate', { cnf: { 'x5t#S256': 'x' } }, 'sender-constrained'],
  ])('%s', async (_attack, claims, reason) => {
    expect(await bench.reasonFor(await bench.sign({ ...good, ...claims }))).toBe(reason);
  });
});

test('row 26, weak claims: an exp beyond all numbers', async () => {
  const endless = JSON.stringify(good).replace(String(good.exp), '1e999');
  expect(await bench.reasonFor(await bench.signText(endless))).toBe('invalid-claim');
});

describe('row 29, sub collisions', () => {
  test('the same sub at two issuers is two persons', async () => {
    const both = bench.verifier(
      bench.trust(),
      bench.trust({ slug: 'second', issuer: 'https://second.example' }),
    );
    const first = await both.verify(await bench.sign(good), route);
    const second = await both.verify(
      await bench.sign({ ...good, iss: 'https://second.example' }),
      route,
    );
    expect([first, second].map((answer) => answer.ok && answer.caller.issuer)).toEqual([
      'corporate',
      'second',
    ]);
  });

  test.each(['Alice', ' alice', 'alice ', 'ａlice', 'alice\u200b'])(
    '%j is kept byte by byte and is not alice',
    async (sub) => {
      const answer = await bench.verifier().verify(await bench.sign({ ...good, sub }), route);
      expect(answer.ok && answer.caller.subject).toBe(sub);
    },
  );

  test('pairwise subjects: the person is the claim that the issuer names, the same for every client', async () => {
    const entra = bench.verifier(bench.trust({ subjectClaim: 'oid' }));
    for (const [sub, client_id] of [
      ['pair-1', 'inspector'],
      ['pair-2', 'claude'],
    ]) {
      const answer = await entra.verify(
        await bench.sign({ ...good, sub, client_id, oid: 'alice-oid' }),
        route,
      );
      expect(answer).toMatchObject({ ok: true, caller: { subject: 'alice-oid', machine: false } });
    }
    expect(await bench.reasonFor(await bench.sign({ ...good, sub: 'pair-1' }), entra)).toBe(
      'subject',
    );
    expect(
      await bench.reasonFor(await bench.sign({ ...good, sub: '', oid: 'alice-oid' }), entra),
    ).toBe('subject');
  });

  test('a pointer reaches a nested subject', async () => {
    const nested = bench.verifier(bench.trust({ subjectClaim: '/user/id' }));
    const answer = await nested.verify(await bench.sign({ ...good, user: { id: 'a-1' } }), route);
    expect(answer.ok && answer.caller.subject).toBe('a-1');
  });
});
