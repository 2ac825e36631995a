import { describe, expect, test } from 'vitest';
import { broughtToken } from './brought-token.js';

const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
const jwt = (claims: object) => `${encoded({ alg: 'RS256' })}.${encoded(claims)}.c2ln`;
const known = {
  issuers: [
    {
      issuer: 'https://corp.example/tenant',
      alsoIssuedAs: ['https://sts.example/tenant/'],
      formerly: [{ issuer: 'https://old.example', until: 0 }],
    },
  ],
  signInIssuer: 'https://vault.example',
};
const upstream = { name: 'Reports', callerHeader: 'x-upstream-token' };
const inbound = jwt({ iss: 'https://corp.example/tenant', sub: 'alice' });

function brought(...values: string[]) {
  const headers = values.length === 0 ? {} : { 'x-upstream-token': values.join(', ') };
  const headersDistinct = values.length === 0 ? {} : { 'x-upstream-token': values };
  return broughtToken({ headers, headersDistinct }, upstream, inbound, known);
}

describe('a token that the caller brought', () => {
  test.each([
    ['an opaque one', 'ghp_0123456789abcdef'],
    ['a JWT of the upstream’s own issuer', jwt({ iss: 'https://idp.of-reports.example' })],
    ['one without an issuer', jwt({ sub: 'alice' })],
  ])('is taken: %s', (_, token) => {
    expect(brought(token)).toEqual({ kind: 'token', token });
  });

  test('is none where the header is not there, or the upstream names none', () => {
    expect(brought()).toBeUndefined();
    const request = { headers: { 'x-upstream-token': 'x' }, headersDistinct: {} };
    expect(broughtToken(request, { name: 'Reports' }, inbound, known)).toBeUndefined();
  });

  test.each([
    ['the caller’s own', inbound],
    ['the caller’s own within', `prefix-${inbound}-suffix`],
    ['the caller’s own as a password', Buffer.from(`alice:${inbound}`).toString('base64')],
    ['another of that issuer', jwt({ iss: 'https://corp.example/tenant', sub: 'bob' })],
    ['one by its other name', jwt({ iss: 'https://sts.example/tenant' })],
    ['one by a former name', jwt({ iss: 'https://old.example' })],
    ['one by nearly its name', jwt({ iss: 'HTTPS://Corp.example/tenant//' })],
    ['one of the vault', jwt({ iss: 'https://vault.example' })],
    [
      'one that says its issuer twice',
      `${encoded({})}.${Buffer.from('{"iss":"a","iss":"b"}').toString('base64url')}.x`,
    ],
    ['two', 'one', 'two'],
    ['none', ''],
    ['one with its scheme', 'Bearer abc'],
    ['a long one', 'x'.repeat(16 * 1024 + 1)],
  ])('row 20, token passthrough: %s is refused, and not repeated', (_, ...values) => {
    const answer = brought(...values);
    expect(answer).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('x-upstream-token'),
    });
    for (const value of values.filter(Boolean)) expect(JSON.stringify(answer)).not.toContain(value);
  });
});
