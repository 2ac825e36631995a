import { describe, expect, test } from 'vitest';
import { targetProblem } from './raw-target.js';

describe('row 23, traversal in a request target', () => {
  test.each([
    ['a dot segment', '/http/open/a/../b'],
    ['an encoded one', '/http/open/%2e%2e/b'],
    ['half of it encoded', '/http/open/.%2E/b'],
    ['one behind an encoded slash', '/http/open/a%2f..%2fb'],
    ['one behind an encoded backslash', '/http/open/a%5C..%5Cb'],
    ['one with a matrix parameter', '/http/open/..;x=1/b'],
    ['one with an encoded matrix parameter', '/http/open/..%3bx=1/b'],
    ['one encoded twice', '/http/open/%252e%252e/b'],
    ['one encoded three times', '/http/open/%25252e%25252e/b'],
    ['one behind a slash that is encoded twice', '/http/open/a%252f..%252fb'],
    ['one of each', '/http/open/%2e%252e/b'],
    ['one in overlong UTF-8', '/http/open/%c0%ae%c0%ae/b'],
    ['a slash in overlong UTF-8', '/http/open/..%c0%afb'],
    ['overlong UTF-8 that is encoded twice', '/http/open/%25c0%25ae%25c0%25ae/b'],
    ['a backslash', '/http/open/a\\..\\b'],
    ['an end of line', '/http/open/a%0d%0aX-Evil:1'],
    ['an end of line that is encoded twice', '/http/open/a%250d%250aX-Evil:1'],
    ['a NUL', '/http/open/a%00.png'],
    ['an encoding of Microsoft', '/http/open/%u002e%u002e/b'],
    ['an encoding cut short', '/http/open/%2'],
  ])('%s is refused: %s', (_what, target) => {
    expect(targetProblem(target)).toBeTypeOf('string');
  });

  test.each([
    '/http/open',
    '/http/open?a=../b',
    '/http/open/a;v=1/b',
    '/http/open/a%3Bb',
    '/http/open/100%25',
    '/http/open/100%2525',
    '/http/open/group%2Fproject/...',
    '/http/open/..a/.well-known/b..',
    '/http/open/%C3%84rger/%E2%82%AC',
  ])('%s passes as it is', (target) => {
    expect(targetProblem(target)).toBeUndefined();
  });
});
