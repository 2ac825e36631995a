import { describe, expect, test } from 'vitest';
import { decideApplication } from './application-rule.js';

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
    ['https://evil.test/a.example/metadata', 'unknown'],
  ])('%s is %s', (clientId, decision) => {
    expect(
      decideApplication(clientId, { slug: 'corp', unknownApplications: 'ask' }, applications),
    ).toBe(decision);
  });

  test('row 8, a wide pattern: a client that registered itself is known by its whole id only', () => {
    const issuer = { slug: 'corp', unknownApplications: 'refuse' as const };
    const wide = [
      known({ pattern: '*' }, 'known'),
      known({ clientId: 'self-registered:b:2' }, 'known'),
    ];
    const blocked = known({ pattern: 'self-registered:evil*' }, 'blocked');
    const decide = (id: string) => decideApplication(id, issuer, [...wide, blocked]);
    expect(decide('anything')).toBe('known');
    expect(decide('self-registered:a:1')).toBe('refused');
    expect(decide('self-registered:b:2')).toBe('known');
    expect(decide('self-registered:evil:3')).toBe('blocked');
  });

  test('an issuer may refuse those it does not know', () => {
    const issuer = { slug: 'corp', unknownApplications: 'refuse' as const };
    expect(decideApplication('cli2', issuer, applications)).toBe('refused');
    expect(decideApplication('cli', issuer, applications)).toBe('known');
  });
});
