import { describe, expect, test } from 'vitest';
import { readFilter } from './scim-filter.js';
import { patchUser } from './scim-patch.js';
import { ScimRefusal } from './scim-refusal.js';

function refusedAs(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof ScimRefusal) return error.scimType;
    throw error;
  }
  return 'not refused';
}

describe('a filter', () => {
  test.each([
    ['userName eq "a"', { userName: 'a' }],
    ['USERNAME EQ "a"', { userName: 'a' }],
    ['urn:ietf:params:scim:schemas:core:2.0:User:externalId eq "a\\"b"', { externalId: 'a"b' }],
    ['externalId eq "x and y" and active eq true', { externalId: 'x and y', active: true }],
    ['  id eq "1"  ', { id: '1' }],
  ])('%s is understood', (text, filter) => {
    expect(readFilter(text)).toEqual(filter);
  });

  test.each([
    'userName sw "a"',
    'userName eq a',
    'userName eq "a" or userName eq "b"',
    'userName eq "a" and',
    'userName eq "a" userName eq "b"',
    'userName eq "a" and userName eq "b"',
    'active eq "true"',
    'userName eq true',
    'emails[type eq "work"]',
    'password eq "a"',
    '__proto__ eq "a"',
    'constructor eq "a"',
    'userName eq "\\q"',
    '',
  ])('%s is refused as one that is not offered', (text) => {
    expect(refusedAs(() => readFilter(text))).toBe('invalidFilter');
  });
});

describe('a patch', () => {
  const before = { userName: 'alice', externalId: 'a-1', active: true };
  const by = (...operations: unknown[]) => patchUser(before, { Operations: operations });

  test.each([
    [{ op: 'Replace', path: 'ACTIVE', value: 'False' }, { active: false }],
    [{ op: 'Add', value: { userName: 'bob', 'name.givenName': 'Bob' } }, { userName: 'bob' }],
    [{ op: 'remove', path: 'externalId' }, { externalId: undefined }],
    [{ op: 'replace', path: 'externalId', value: null }, { externalId: undefined }],
    [{ op: 'replace', path: 'emails[type eq "work"].value', value: 'x' }, {}],
    [{ op: 'add', path: 'urn:ietf:params:scim:schemas:extension:x:2.0:User:active', value: 1 }, {}],
    [{ op: 'remove', path: 'members' }, {}],
  ])('%j is understood', (operation, change) => {
    expect(by(operation)).toEqual({ ...before, ...change });
  });

  test('does one thing after the other', () => {
    const replace = (value: boolean) => ({ op: 'replace', path: 'active', value });
    expect(by(replace(false), replace(true)).active).toBe(true);
  });

  test.each([
    [{ op: 'move', path: 'active' }, 'invalidSyntax'],
    [{ path: 'active', value: false }, 'invalidSyntax'],
    ['replace', 'invalidSyntax'],
    [{ op: 'replace', path: 'active', value: 'no' }, 'invalidValue'],
    [{ op: 'replace', path: 'active' }, 'invalidValue'],
    [{ op: 'replace', value: false }, 'invalidValue'],
    [{ op: 'remove', path: 'userName' }, 'invalidValue'],
    [{ op: 'remove' }, 'noTarget'],
    [{ op: 'replace', path: 'active.value', value: false }, 'invalidPath'],
    [{ op: 'replace', path: 'a b', value: false }, 'invalidPath'],
    [{ op: 'replace', path: `urn:${'a:'.repeat(100_000)}!`, value: false }, 'invalidPath'],
    [{ op: 'replace', path: 7, value: false }, 'invalidPath'],
  ])('%j is refused', (operation, scimType) => {
    expect(refusedAs(() => by(operation))).toBe(scimType);
  });

  test.each([[{}], [{ Operations: [] }], [{ Operations: {} }], [null]])(
    '%j is no patch at all',
    (body) => {
      expect(refusedAs(() => patchUser(before, body))).toBe('invalidSyntax');
    },
  );
});
