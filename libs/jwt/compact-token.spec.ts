import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodePart, TestVerifier } from '#lib/testing/test-verifier';
import { tokenHash } from './compact-token.js';

const { good } = TestVerifier;

let bench: TestVerifier;

beforeAll(async () => {
  bench = await TestVerifier.start();
});

afterAll(() => bench.stop());

describe('what is no signed JWT', () => {
  const header = encodePart({ alg: 'RS256', kid: 'RS256', typ: 'at+jwt' });
  test.each([
    ['nothing', '', 'malformed'],
    ['an opaque token', 'sv1_0123456789', 'malformed'],
    ['JWE', 'a.b.c.d.e', 'encrypted'],
    ['two parts', 'a.b', 'malformed'],
    ['standard base64', `${header}.${encodePart(good)}.ab+/`, 'malformed'],
    ['padding', `${header}.${encodePart(good)}.YQ==`, 'malformed'],
    ['white space', ` ${header}.${encodePart(good)}.AAAA`, 'malformed'],
    ['header that is a list', `${encodePart([])}.${encodePart(good)}.AAAA`, 'malformed'],
    ['claims that are a list', `${header}.${encodePart([])}.AAAA`, 'malformed'],
    ['claims that are null', `${header}.${encodePart('null')}.AAAA`, 'malformed'],
    ['claims that are no JSON', `${header}.${encodePart('sub=alice')}.AAAA`, 'malformed'],
    [
      'invalid UTF-8',
      `${header}.${Buffer.from('{"sub":"\xff"}', 'latin1').toString('base64url')}.AAAA`,
      'malformed',
    ],
    [
      'duplicate sub',
      `${header}.${encodePart('{"iss":"https://idp.example","sub":"alice","sub":"bob"}')}.AAAA`,
      'malformed',
    ],
    [
      'duplicate alg',
      `${encodePart('{"alg":"none","alg":"RS256"}')}.${encodePart(good)}.AAAA`,
      'malformed',
    ],
    [
      '__proto__',
      `${header}.${encodePart('{"iss":"https://idp.example","__proto__":{"sub":"root"}}')}.AAAA`,
      'malformed',
    ],
    [
      '20 KB token',
      `${header}.${encodePart({ ...good, pad: 'x'.repeat(20_000) })}.AAAA`,
      'too-large',
    ],
  ])('%s is refused', async (_name, token, reason) => {
    expect(await bench.reasonFor(token)).toBe(reason);
  });

  test('a second spelling of the same signature bytes is refused, so one token has one hash', async () => {
    const token = await bench.sign(good);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet[alphabet.indexOf(token.slice(-1)) + 1] ?? '';
    const respelled = token.slice(0, -1) + last;
    const bytes = (text: string): string =>
      Buffer.from(text.split('.')[2] ?? '', 'base64url').toString('hex');
    expect(bytes(respelled)).toBe(bytes(token));
    expect(tokenHash(respelled)).not.toBe(tokenHash(token));
    expect(await bench.reasonFor(respelled)).toBe('malformed');
  });
});
