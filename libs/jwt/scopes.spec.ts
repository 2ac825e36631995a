import { describe, expect, test } from 'vitest';
import { TestVerifier } from '#lib/testing/test-verifier';
import { impliedScopes } from './scopes.js';

const hierarchy = {
  admin: ['write'],
  write: ['read', 'list'],
  a: ['b'],
  b: ['c', 'a'],
  self: ['self'],
  'files:all': ['files:read'],
};

describe('what follows from a scope', () => {
  const cases: [carried: string[], all: string[]][] = [
    [[], []],
    [['other'], ['other']],
    [['read'], ['read']],
    [['write'], ['write', 'read', 'list']],
    [['admin'], ['admin', 'write', 'read', 'list']],
    [
      ['read', 'write'],
      ['read', 'write', 'list'],
    ],
    [['a'], ['a', 'b', 'c']],
    [['b'], ['b', 'c', 'a']],
    [['self'], ['self']],
    [['files:all'], ['files:all', 'files:read']],
    [['Admin'], ['Admin']],
    [['constructor'], ['constructor']],
    [['__proto__'], ['__proto__']],
  ];
  test.each(cases)('%j becomes %j', (carried, all) => {
    expect(impliedScopes(carried, hierarchy)).toEqual(all);
  });

  test('without a hierarchy is nothing', () => {
    expect(impliedScopes(['admin'])).toEqual(['admin']);
  });

  test('is in the verified caller, at any remove; the claims stay as they came', async () => {
    const bench = await TestVerifier.start();
    try {
      const token = await bench.sign({ ...TestVerifier.good, scope: 'admin x' });
      const answer = await bench
        .verifier(bench.trust({ scopeHierarchy: hierarchy }))
        .verify(token, TestVerifier.route);
      expect(answer).toMatchObject({
        ok: true,
        caller: { scopes: ['admin', 'x', 'write', 'read', 'list'], claims: { scope: 'admin x' } },
      });
    } finally {
      await bench.stop();
    }
  });
});
