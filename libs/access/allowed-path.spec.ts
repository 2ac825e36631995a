import { describe, expect, test } from 'vitest';
import { allowedPath, findAllowedPath } from './allowed-path.js';

const allowed = ['/v1/items', '/v1/items/*', '/v1/files/**', '/v1/*/notes', '/Ärger', '/'].map(
  allowedPath,
);

describe('a path of the allow-list', () => {
  test.each([
    '/v1/items',
    '/v1/items/7',
    '/v1/items/a%20b',
    '/v1/items/7;version=2',
    '/v1/it%65ms',
    '/v1/files',
    '/v1/files/',
    '/v1/files/a/b/c',
    '/v1/files/group%2Fproject',
    '/v1/anything/notes',
    '/%C3%84rger',
    '/',
    '',
  ])('%s is allowed', (path) => {
    expect(findAllowedPath(allowed, path)).toBeDefined();
  });

  test.each([
    ['nothing of the list', '/v2/items'],
    ['another case', '/V1/items'],
    ['a slash too many at the end', '/v1/items/'],
    ['one segment too many', '/v1/items/7/owner'],
    ['one too few', '/v1'],
    ['a name that begins alike', '/v1/filesystem'],
    ['a parameter in a segment that is named', '/v1;x=1/items'],
    ['an empty segment for *', '/v1//notes'],
  ])('row 23, %s is refused: %s', (_what, path) => {
    expect(findAllowedPath(allowed, path)).toBeUndefined();
  });

  test.each([
    ['an encoded slash', '/v1/items/7%2Fowner'],
    ['an encoded backslash', '/v1/items/7%5cowner'],
    ['a slash that is encoded twice', '/v1/items/7%252Fowner'],
    ['a slash that is encoded three times', '/v1/items/7%25252fowner'],
    ['a name that is encoded twice', '/v1/it%2565ms'],
    ['a slash in a name', '/v1%2Fitems'],
  ])('row 23, %s does not make two segments of one: %s', (_what, path) => {
    expect(findAllowedPath(allowed, path)).toBeUndefined();
  });
});
