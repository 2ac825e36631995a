import { createHmac } from 'node:crypto';
import { generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodePart, TestVerifier } from '#lib/testing/test-verifier';

const { good } = TestVerifier;

let bench: TestVerifier;

beforeAll(async () => {
  bench = await TestVerifier.start();
});

afterAll(() => bench.stop());

describe('row 25, forged algorithm and header', () => {
  const unsigned = `${encodePart({ alg: 'none', typ: 'at+jwt' })}.${encodePart(good)}`;

  test.each([
    ['alg none without a signature', `${unsigned}.`, 'malformed'],
    ['alg none with a signature', `${unsigned}.AAAA`, 'algorithm'],
    [
      'alg NoNe',
      `${encodePart({ alg: 'NoNe', typ: 'at+jwt' })}.${encodePart(good)}.AAAA`,
      'algorithm',
    ],
    ['no alg', `${encodePart({ typ: 'at+jwt' })}.${encodePart(good)}.AAAA`, 'algorithm'],
    [
      'alg as a list',
      `${encodePart({ alg: ['RS256'], typ: 'at+jwt' })}.${encodePart(good)}.AAAA`,
      'algorithm',
    ],
  ])('%s', async (_attack, token, reason) => {
    expect(await bench.reasonFor(token)).toBe(reason);
  });

  test('HS256 with the public key as the secret, even where an admin listed HS256', async () => {
    const lenient = bench.verifier(bench.trust({ algorithms: ['HS256', 'RS256'] }));
    for (const kid of ['RS256', 'shared', undefined]) {
      const head = `${encodePart({ alg: 'HS256', kid, typ: 'at+jwt' })}.${encodePart(good)}`;
      const token = `${head}.${createHmac('sha256', bench.publicPem).update(head).digest('base64url')}`;
      expect(await bench.reasonFor(token)).toBe('algorithm');
      expect(await bench.reasonFor(token, lenient)).toBe('algorithm');
    }
  });

  test('an algorithm that the issuer does not list', async () => {
    expect(
      await bench.reasonFor(
        await bench.sign(good, { alg: 'PS256' }),
        bench.verifier(bench.trust({ algorithms: ['RS256'] })),
      ),
    ).toBe('algorithm');
  });

  test('a key published for another algorithm', async () => {
    expect(await bench.reasonFor(await bench.sign(good, { alg: 'RS256', kid: 'PS256' }))).toBe(
      'unknown-key',
    );
  });

  test('an RSA key of 1,024 bits', async () => {
    expect(
      await bench.reasonFor(await bench.forge({ alg: 'RS256', kid: 'weak', typ: 'at+jwt' })),
    ).toBe('unknown-key');
  });

  test.each([
    ['unknown crit', { crit: ['exp'], exp: 1 }, 'critical-header'],
    ['crit b64', { crit: ['b64'], b64: false }, 'critical-header'],
    ['empty crit', { crit: [] }, 'critical-header'],
    ['embedded jwk', { jwk: { kty: 'RSA', n: 'AQAB', e: 'AQAB' } }, 'embedded-key'],
    ['jku', { jku: 'https://evil.example/jwks' }, 'embedded-key'],
    ['x5u', { x5u: 'https://evil.example/cert' }, 'embedded-key'],
    ['JWE header', { enc: 'A256GCM' }, 'encrypted'],
    ['typ of a DPoP proof', { typ: 'dpop+jwt' }, 'token-type'],
    ['typ of a logout token', { typ: 'logout+jwt' }, 'token-type'],
    ['typ empty', { typ: '' }, 'token-type'],
    ['typ as a list', { typ: ['at+jwt'] }, 'token-type'],
    ['typ missing', { typ: undefined }, 'token-type'],
    ['unknown kid', { kid: 'nobody' }, 'unknown-key'],
    ['kid ../../x', { kid: '../../x' }, 'unknown-key'],
    ['kid with SQL', { kid: "' OR 1=1 --" }, 'unknown-key'],
    ['kid as a number', { kid: 7 }, 'unknown-key'],
    ['10 KB kid', { kid: 'k'.repeat(10_240) }, 'unknown-key'],
  ])('%s', async (_attack, header, reason) => {
    expect(
      await bench.reasonFor(
        await bench.forge({ alg: 'RS256', kid: 'RS256', typ: 'at+jwt', ...header }),
      ),
    ).toBe(reason);
  });

  test('typ may be missing where the issuer says so', async () => {
    const cognito = bench.verifier(bench.trust({ tokenTypes: [''] }));
    expect(
      await bench.reasonFor(
        await bench.sign({ ...good, token_use: 'access' }, { typ: undefined }),
        cognito,
      ),
    ).toBe('ok');
    expect(
      await bench.reasonFor(
        await bench.sign({ ...good, token_use: 'id' }, { typ: undefined }),
        cognito,
      ),
    ).toBe('id-token');
    expect(await bench.reasonFor(await bench.sign(good, { typ: '' }), cognito)).toBe('token-type');
  });

  test('a key of somebody else', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const token = await new SignJWT(good)
      .setProtectedHeader({ alg: 'RS256', kid: 'RS256', typ: 'at+jwt' })
      .sign(privateKey);
    expect(await bench.reasonFor(token)).toBe('signature');
  });

  test('changed claims under an old signature', async () => {
    expect(
      await bench.reasonFor(
        await bench.forge({ alg: 'RS256', kid: 'RS256', typ: 'at+jwt' }, { ...good, sub: 'bob' }),
      ),
    ).toBe('signature');
  });
});
