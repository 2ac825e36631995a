import { describe, expect, test } from 'vitest';
import { covers, scopeSet, tokenScopes, union } from './scope-set.js';

test('two spellings of one set have one name', () => {
  expect(scopeSet(['write', 'read', 'write'])).toBe('read write');
  expect(scopeSet(['read', 'write'])).toBe(scopeSet(['write', 'read']));
});

test('a union is sorted and holds each scope once; the empty set is covered by anything', () => {
  expect(union(['b', 'a'], ['c', 'a'])).toEqual(['a', 'b', 'c']);
  expect(covers([], [])).toBe(true);
  expect(covers(['a'], ['a', 'b'])).toBe(false);
});

describe('which token of a grant with a, b and c an application may have', () => {
  const grant = { requestedScopes: ['a', 'b', 'c'], hasRefreshToken: true };
  test.each([
    ['that was allowed everything: the grant’s own', grant, ['c', 'b', 'a'], ''],
    ['that was allowed more than the grant has: the grant’s own', grant, ['a', 'b', 'c', 'd'], ''],
    ['that was allowed less: one for that', grant, ['b', 'a'], 'a b'],
    ['never one with a scope that the grant was not asked for', grant, ['a', 'x'], 'a'],
    [
      'the grant’s own, where nothing can be narrowed',
      { ...grant, hasRefreshToken: false },
      ['a'],
      '',
    ],
  ])('%s', (_case, held, allowed, expected) => {
    expect(tokenScopes(held, allowed)).toBe(expected);
  });
});
