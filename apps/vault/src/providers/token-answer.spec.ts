import { describe, expect, test } from 'vitest';
import { judgeTokenAnswer, retryAfterSeconds } from './token-answer.js';

const now = Date.parse('2026-11-21T10:00:00Z') / 1000;

function judged(status: number, body: unknown, retryAfter: string | null = null) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return judgeTokenAnswer({ status, contentType: 'application/json', retryAfter, body: text }, now);
}

describe('row 39: refusals', () => {
  test.each([
    [400, { error: 'invalid_grant' }, 'invalid_grant'],
    [401, { error: 'invalid_grant' }, 'invalid_grant'],
    [403, { error: 'invalid_grant' }, 'invalid_grant'],
    [429, { error: 'invalid_grant' }, 'transient'],
    [500, { error: 'invalid_grant' }, 'transient'],
    [503, { error: 'invalid_grant' }, 'transient'],
    [302, { error: 'invalid_grant' }, 'transient'],
    [200, { error: 'invalid_grant' }, 'transient'],
    [400, 'invalid_grant', 'transient'],
    [400, '<html>invalid_grant</html>', 'transient'],
    [400, ['invalid_grant'], 'transient'],
    [400, { error: ['invalid_grant'] }, 'transient'],
    [400, { error: 'INVALID_GRANT' }, 'transient'],
    [400, { error: 'something_else' }, 'transient'],
    [401, { error: 'invalid_client' }, 'misconfigured'],
    [400, { error: 'invalid_client' }, 'misconfigured'],
    [400, { error: 'unauthorized_client' }, 'misconfigured'],
    [400, { error: 'invalid_scope' }, 'misconfigured'],
    [400, { error: 'invalid_target' }, 'misconfigured'],
    [400, { error: 'unsupported_grant_type' }, 'misconfigured'],
    [400, { error: 'temporarily_unavailable' }, 'transient'],
    [404, 'not here', 'transient'],
    [204, '', 'transient'],
  ])('%d %j is %s', (status, body, code) => {
    expect(judged(status, body)).toMatchObject({ ok: false, code });
  });

  test('a detail for the log repeats nothing that could be a token', () => {
    const secret = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl-and-more-of-it-here';
    for (const body of [{ error: secret }, { error: 'x', error_description: secret }, secret])
      expect(JSON.stringify(judged(400, body))).not.toContain('eyJ');
  });
});

describe('hostile successes', () => {
  const good = { access_token: 'at', token_type: 'Bearer' };
  test.each([
    ['no access_token', { ...good, access_token: undefined }, 'transient'],
    ['an empty one', { ...good, access_token: '' }, 'transient'],
    ['a number', { ...good, access_token: 7 }, 'transient'],
    ['CRLF in it', { ...good, access_token: 'a\r\nX: y' }, 'transient'],
    ['a NUL in it', { ...good, access_token: 'a\0' }, 'transient'],
    ['a space in it', { ...good, access_token: 'a b' }, 'transient'],
    ['200 KB of it', { ...good, access_token: 'a'.repeat(200_000) }, 'transient'],
    ['token_type mac', { ...good, token_type: 'mac' }, 'misconfigured'],
    ['token_type DPoP', { ...good, token_type: 'DPoP' }, 'misconfigured'],
    ['token_type as an array', { ...good, token_type: ['Bearer'] }, 'misconfigured'],
  ])('%s is %s', (_name, body, code) => {
    expect(judged(200, body)).toMatchObject({ ok: false, code });
  });

  test.each([
    [3600, 3600],
    ['3600', 3600],
    [59.9, 59],
    [-1, undefined],
    [0, undefined],
    ['soon', undefined],
    [null, undefined],
    [true, undefined],
    [1e18, 315_360_000],
    ['1e400', undefined],
  ])('expires_in %j is a lifetime of %s', (given, seconds) => {
    const answer = judged(200, { ...good, expires_in: given });
    expect(answer.ok && answer.body.expires_in).toBe(seconds);
  });

  test('nonsense beside a good access token is left out, the token is not lost', () => {
    const answer = judged(200, {
      ...good,
      token_type: 'bEaReR',
      refresh_token: null,
      scope: ['a'],
      id_token: 12,
    });
    expect(answer).toEqual({
      ok: true,
      body: { access_token: 'at', token_type: 'Bearer' },
    });
  });

  test('a missing token_type is bearer', () => {
    expect(judged(200, { access_token: 'at' }).ok).toBe(true);
  });
});

test.each([
  ['7', 7],
  [' 7 ', 7],
  ['-1', undefined],
  ['99999', 3600],
  ['Sat, 21 Nov 2026 10:01:00 GMT', 60],
  ['Sat, 21 Nov 2026 09:00:00 GMT', 0],
  ['soon', undefined],
  [null, undefined],
])('Retry-After %j is %s seconds', (value, seconds) => {
  expect(retryAfterSeconds(value, now)).toBe(seconds);
});
