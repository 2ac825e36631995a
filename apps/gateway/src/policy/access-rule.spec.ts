import { describe, expect, test } from 'vitest';
import { decideAccess } from './access-rule.js';
import { decideApplication } from './application-rule.js';

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
});

describe('which application may call', () => {
  const known = (
    matcher: { clientId?: string; pattern?: string },
    trust: 'known' | 'blocked',
    issuer = 'corp',
  ) => ({
    issuer,
    name: 'x',
    trust,
    ...matcher,
  });
  const applications = [
    known({ clientId: 'cli' }, 'known'),
    known({ pattern: 'evil-*' }, 'blocked'),
    known({ pattern: 'https://*.example/*/metadata' }, 'known'),
    known({ clientId: 'evil-but-fine' }, 'known'),
    known({ clientId: 'elsewhere' }, 'blocked', 'other'),
  ];
  test.each([
    ['cli', 'known'],
    ['cli2', 'unknown'],
    ['evil-1', 'blocked'],
    ['evil-but-fine', 'known'],
    ['elsewhere', 'unknown'],
    ['https://a.example/b/metadata', 'known'],
    ['https://a.example/metadata', 'unknown'],
    ['https://.example//metadata', 'known'],
  ])('%s is %s', (clientId, decision) => {
    expect(
      decideApplication(clientId, { slug: 'corp', unknownApplications: 'ask' }, applications),
    ).toBe(decision);
  });

  test('an issuer may refuse those it does not know', () => {
    const issuer = { slug: 'corp', unknownApplications: 'refuse' as const };
    expect(decideApplication('cli2', issuer, applications)).toBe('refused');
    expect(decideApplication('cli', issuer, applications)).toBe('known');
  });
});
