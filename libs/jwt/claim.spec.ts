import { expect, test } from 'vitest';
import { readClaim } from './claim.js';

const claims = {
  sub: 'alice',
  'https://corp.example/roles': ['engineer'],
  realm_access: { roles: ['engineer', 'admin'] },
  'a/b': { 'c~d': 1, '': 2 },
  '~1': 'tilde one',
  toString: undefined,
};

test.each([
  ['sub', 'alice'],
  ['https://corp.example/roles', ['engineer']],
  ['/sub', 'alice'],
  ['/realm_access/roles', ['engineer', 'admin']],
  ['/realm_access/roles/1', 'admin'],
  ['/a~1b/c~0d', 1],
  ['/a~1b/', 2],
  ['/~01', 'tilde one'],
  ['/realm_access/roles/01', undefined],
  ['/realm_access/roles/-', undefined],
  ['/realm_access/roles/length', undefined],
  ['/sub/length', undefined],
  ['realm_access.roles', undefined],
  ['constructor', undefined],
  ['/__proto__/constructor', undefined],
  ['/missing/deeper', undefined],
  ['', undefined],
])('%j points at %j', (pointer, value) => {
  expect(readClaim(claims, pointer)).toEqual(value);
});
