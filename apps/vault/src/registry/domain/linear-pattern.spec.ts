import { describe, expect, test } from 'vitest';
import { LinearPattern } from './linear-pattern.js';

describe('a pattern describes the whole token', () => {
  test.each([
    ['ghp_[A-Za-z0-9]{36}', `ghp_${'a1'.repeat(18)}`, true],
    ['ghp_[A-Za-z0-9]{36}', `ghp_${'a1'.repeat(18)}x`, false],
    ['^(?:ghp|gho)_\\w+$', 'gho_x', true],
    ['(ghp|gho)_\\w+', ' gho_x', false],
    ['[\\w-]+\\.[\\w-]+\\.[\\w-]+', 'eyJ.eyJ.sig-_', true],
    ['[\\w-]+\\.[\\w-]+\\.[\\w-]+', 'eyJ.eyJ', false],
    ['a{2,3}b?', 'aaa', true],
    ['a{2,3}b?', 'ab', false],
    ['a{2,}', 'aaaaaa', true],
    ['[^a-c]x', 'dx', true],
    ['[^a-c]x', 'bx', false],
    ['[a\\-\\]]+', 'a-]', true],
    ['[a-]+', '-a', true],
    ['(a|ab)(c|bcd)', 'abcd', true],
    ['(a*)*b', 'aab', true],
    ['x.z', 'x~z', true],
  ])('%s, %s: %s', (pattern, token, matches) => {
    expect(new LinearPattern(pattern).matches(token)).toBe(matches);
  });

  test('agrees with the engine of the language on all short texts', () => {
    const texts = ['', 'a', 'b', 'ab', 'ba', 'aab', 'abab', 'bbb', 'abba', 'aaaa'];
    for (const pattern of ['(a|b)*a', '(ab)+', 'a?b{1,2}', '[ab]{2}(a|b)?', '(a+b?)+', 'a*b*'])
      for (const text of texts)
        expect(new LinearPattern(pattern).matches(text), `${pattern} on ${text}`).toBe(
          new RegExp(`^(?:${pattern})$`).test(text),
        );
  });
});

describe('catastrophic backtracking', () => {
  test.each(['(a+)+b', '(a|a)*b', '(a*)*b', 'a*a*a*a*a*a*b', '(\\w+\\w*)+='])(
    '%s is decided in as many steps as the longest token has characters',
    (pattern) => {
      expect(new LinearPattern(pattern).matches('a'.repeat(16_384))).toBe(false);
    },
  );

  test.each([
    ['(a)\\1', 'must not use \\1'],
    ['(?=a)b', 'must not use look-around'],
    ['(?<n>a)', 'must not use look-around'],
    ['\\bword', 'must not use \\b'],
    ['a**', 'must not follow another quantifier'],
    ['a+?', 'must not follow another quantifier'],
    ['((a{100}){100}){100}', 'more than 1000 steps'],
    ['a{0}', 'must repeat between 1 and 1000 times'],
    ['a{5,2}', 'must repeat between 1 and 1000 times'],
    ['a{99999}', 'must repeat between 1 and 1000 times'],
    ['()', 'must not have an empty group'],
    ['a|', 'must not have an empty group'],
    ['(a', 'lacks a closing parenthesis'],
    ['a)', 'is not expected here'],
    ['[a', 'lacks a closing bracket'],
    ['[z-a]', 'out of order'],
    ['a\\', 'ends with a lone backslash'],
    ['a^b', 'needs a backslash'],
    ['ключ', 'must be of ASCII characters'],
  ])('%s is refused at registration: %s', (pattern, why) => {
    expect(LinearPattern.refusal(pattern)).toContain(why);
  });
});
