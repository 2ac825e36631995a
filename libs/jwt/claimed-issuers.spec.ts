import { describe, expect, test } from 'vitest';
import { claimedIssuers } from './claimed-issuers.js';

const encoded = (part: unknown) =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
const jwt = (claims: unknown, header: unknown = { alg: 'RS256' }) =>
  `${encoded(header)}.${encoded(claims)}.c2lnbmF0dXJl`;
const corp = { iss: 'https://corp.example', sub: 'alice' };

describe('the issuers that something claims', () => {
  test.each([
    ['a JWT', jwt(corp)],
    ['one without a signature', jwt(corp).split('.').slice(0, 2).join('.')],
    ['one of alg none', `${encoded({ alg: 'none' })}.${encoded(corp)}.`],
    [
      'an encrypted one that repeats it in its header',
      `${encoded({ enc: 'A256GCM', ...corp })}.a.b.c.d`,
    ],
    ['one behind a scheme', `Bearer:${jwt(corp)}`],
    ['one between other things', `v1|${jwt(corp)}|x`],
    ['a password of Basic', Buffer.from(`alice:${jwt(corp)}`).toString('base64')],
    ['one in base64 once more', encoded(jwt(corp))],
    ['a list', jwt({ iss: ['https://corp.example'] })],
  ])('are found in %s', (_, text) => {
    expect(claimedIssuers(text)).toContain('https://corp.example');
  });

  test.each([
    ['twice', '{"iss":"https://api.example","iss":"https://corp.example"}'],
    ['in what is no JSON', '{"iss":"https://corp.example",}'],
    ['behind an escape', '{"\\u0069ss":"https://corp.example",}'],
  ])('are not judged where they stand %s', (_, claims) => {
    expect(claimedIssuers(jwt(claims))).toBeUndefined();
  });

  test.each([
    ['an opaque token', 'ghp_abcdefghijklmnopqrstuvwxyz0123456789'],
    ['a token of another issuer', jwt({ sub: 'alice' })],
    ['nothing', ''],
  ])('are none in %s', (_, text) => {
    expect(claimedIssuers(text)).toEqual([]);
  });

  test('are found in time, whatever the text', () => {
    const texts = ['a', '.', 'e'.repeat(9) + '.', '{'].map((one) => one.repeat(16_000));
    for (const text of texts) expect(claimedIssuers(text)).toEqual([]);
  });
});
