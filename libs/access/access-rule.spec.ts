import { describe, expect, test } from 'vitest';
import { decideAccess, unmetClaims } from './access-rule.js';

describe('what a token must carry', () => {
  const caller = {
    scopes: ['read', 'list'],
    claims: {
      team: 'data',
      groups: ['a', 'b'],
      roles: 'x y',
      realm_access: { roles: ['engineer'] },
      n: 1,
    },
  };
  const kinds: [rule: Parameters<typeof decideAccess>[1], kind: string][] = [
    [{ scopes: [], claims: {} }, 'allowed'],
    [{ scopes: ['read'], claims: {} }, 'allowed'],
    [{ scopes: ['read', 'write'], claims: {} }, 'insufficient-scope'],
    [{ scopes: [], claims: { team: { equals: 'data' } } }, 'allowed'],
    [{ scopes: [], claims: { team: { equals: 'Data' } } }, 'claims'],
    [{ scopes: [], claims: { n: { equals: '1' } } }, 'claims'],
    [{ scopes: [], claims: { groups: { includes: 'b' } } }, 'allowed'],
    [{ scopes: [], claims: { groups: { equals: ['a', 'b'] } } }, 'allowed'],
    [{ scopes: [], claims: { roles: { includes: 'y' } } }, 'allowed'],
    [{ scopes: [], claims: { team: { includes: 'dat' } } }, 'claims'],
    [{ scopes: [], claims: { '/realm_access/roles': { includes: 'engineer' } } }, 'allowed'],
    [{ scopes: [], claims: { missing: { equals: 'x' } } }, 'claims'],
    [{ scopes: [], claims: { constructor: { equals: 'x' } } }, 'claims'],
    [{ scopes: [], claims: { team: {} } }, 'claims'],
    [{ scopes: ['write'], claims: { team: { equals: 'other' } } }, 'claims'],
  ];
  test.each(kinds)('%j: %s', (rule, kind) => {
    expect(decideAccess(caller, rule).kind).toBe(kind);
  });

  test('what is not met is named for administrators', () => {
    const claims = { team: { equals: 'other' }, roles: { includes: 'y' }, none: { equals: 1 } };
    expect(unmetClaims(caller, { scopes: ['x'], claims })).toEqual(['team', 'none']);
  });
});
