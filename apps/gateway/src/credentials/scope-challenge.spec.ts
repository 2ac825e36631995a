import { describe, expect, test } from 'vitest';
import { missingScopes } from './scope-challenge.js';

describe('what an upstream says that it misses', () => {
  test.each([
    ['403 and the scopes', 403, 'Bearer error="insufficient_scope", scope="a b a"', ['a', 'b']],
    ['401 as well', 401, 'Bearer scope="a",error="insufficient_scope"', ['a']],
    ['unquoted error', 403, 'Bearer error=insufficient_scope, scope="a"', ['a']],
    ['no scope named', 403, 'Bearer error="insufficient_scope"', []],
    [
      'beside other challenges',
      403,
      ['Basic realm="x"', 'DPoP error="insufficient_scope", scope="a"'],
      ['a'],
    ],
    ['another error', 403, 'Bearer error="invalid_token", scope="a"', undefined],
    ['words in a description', 403, 'Bearer error_description="insufficient_scope"', undefined],
    ['another status', 400, 'Bearer error="insufficient_scope", scope="a"', undefined],
    ['no challenge', 403, undefined, undefined],
    ['nothing that is no scope', 403, 'Bearer error="insufficient_scope", scope="a\\"b"', []],
  ] as const)('%s', (_case, status, header, expected) => {
    expect(missingScopes(status, header)).toEqual(expected);
  });

  test('row 31: at most 50 of them, and no more than 2,000 characters are read', () => {
    const many = Array.from({ length: 90 }, (_, i) => `s${i}`).join(' ');
    expect(missingScopes(403, `Bearer error="insufficient_scope", scope="${many}"`)).toHaveLength(
      50,
    );
    const long = 'x'.repeat(2001);
    expect(missingScopes(403, `Bearer error="insufficient_scope", scope="${long}"`)).toEqual([]);
  });
});
