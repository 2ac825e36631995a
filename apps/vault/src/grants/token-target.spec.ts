import { expect, test } from 'vitest';
import { refreshParameters } from './token-target.js';

const resource = 'https://api.example.com';

test.each([
  ['the whole grant: no scope', { resource: '', scopes: '' }, ['a', 'b'], [{}]],
  ['the whole grant at a resource', { resource, scopes: '' }, ['a'], [{ resource }]],
  [
    'a part: first that, then what was granted of it, then all',
    { resource: '', scopes: 'a b offline_access' },
    ['a', 'c'],
    [{ scopes: ['a', 'b', 'offline_access'] }, { scopes: ['a'] }, {}],
  ],
  [
    'a part that a server renamed: that, then all',
    { resource, scopes: 'a b' },
    ['https://api/a'],
    [{ resource, scopes: ['a', 'b'] }, { resource }],
  ],
])('what a refresh asks for: %s', (_case, target, granted, expected) => {
  expect(refreshParameters(target, granted)).toEqual(expected);
});
