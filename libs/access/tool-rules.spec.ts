import { describe, expect, test } from 'vitest';
import { toolRule, type ToolPolicy } from '#lib/contract/tool-policy';
import { ToolRules } from './tool-rules.js';

const access = { scopes: ['mcp'], claims: { team: { equals: 'data' } } };
const rule = (given: object) => toolRule.parse(given);
const policy: ToolPolicy = {
  default: 'deny',
  rules: {
    status: rule({ public: true }),
    'get_*': rule({}),
    'get_secret_*': rule({ claims: { roles: { includes: 'admin' } } }),
    get_secret_santa: rule({}),
    write: rule({ scopes: ['write', 'mcp'], upstreamScopes: ['files.write'] }),
    'old_*': rule({ hidden: true, public: true }),
  },
};
const rules = new ToolRules(access, policy);
const alice = { scopes: ['mcp'], claims: { team: 'data', roles: ['admin'] } };
const bob = { scopes: ['mcp', 'write'], claims: { team: 'data' } };
const stranger = { scopes: ['mcp', 'write'], claims: { team: 'other' } };

describe('which tools a caller may use', () => {
  const cases: [tool: string, who: typeof alice | typeof bob | undefined, expected: object][] = [
    ['status', undefined, { kind: 'allowed', isPublic: true }],
    ['status', stranger, { kind: 'allowed', isPublic: true }],
    ['get_x', undefined, { kind: 'sign-in', rule: 'get_*', scopes: ['mcp'] }],
    ['write', undefined, { kind: 'sign-in', rule: 'write', scopes: ['mcp', 'write'] }],
    ['get_x', bob, { kind: 'allowed', rule: 'get_*', isPublic: false }],
    ['get_x', stranger, { kind: 'refused', because: 'claims' }],
    ['get_secret_1', bob, { kind: 'refused', because: 'claims', rule: 'get_secret_*' }],
    ['get_secret_1', alice, { kind: 'allowed', rule: 'get_secret_*' }],
    ['get_secret_santa', bob, { kind: 'allowed', rule: 'get_secret_santa' }],
    ['write', alice, { kind: 'insufficient-scope', scopes: ['mcp', 'write'] }],
    ['write', bob, { kind: 'allowed', upstreamScopes: ['files.write'] }],
    ['old_1', alice, { kind: 'refused', because: 'hidden' }],
    ['old_1', undefined, { kind: 'refused', because: 'hidden' }],
    ['other', alice, { kind: 'refused', because: 'denied' }],
    ['constructor', alice, { kind: 'refused', because: 'denied' }],
  ];
  test.each(cases)('%s for %j', (tool, who, expected) => {
    expect(rules.decide(who, tool)).toMatchObject(expected);
    expect(rules.decide(who, tool)).toMatchObject(expected);
  });

  describe('a name that looks like another', () => {
    const strict = new ToolRules(access, {
      default: 'allow',
      rules: {
        delete: rule({ scopes: ['write'] }),
        'admin_*': rule({ claims: { roles: { includes: 'root' } } }),
        Peek: rule({ hidden: true }),
        Delete_: rule({}),
        delete_: rule({ hidden: true }),
        open: rule({ public: true }),
      },
    });
    const alike: [tool: string, expected: object][] = [
      ['DELETE', { kind: 'insufficient-scope', rule: 'delete' }],
      ['ｄｅｌｅｔｅ', { kind: 'insufficient-scope' }],
      ['del\u200Bete', { kind: 'insufficient-scope' }],
      [' delete\n', { kind: 'insufficient-scope' }],
      ['délete', { kind: 'insufficient-scope' }],
      ['Admin_x', { kind: 'refused', because: 'claims' }],
      ['peek', { kind: 'refused', because: 'hidden' }],
      ['del\u3164ete', { kind: 'insufficient-scope' }],
      ['del\uD800ete', { kind: 'insufficient-scope' }],
      ['DELETE_', { kind: 'refused', because: 'hidden' }],
      ['deletes', { kind: 'allowed' }],
      ['Delete_', { kind: 'allowed', rule: 'Delete_' }],
    ];
    test.each(alike)('%j is held to the rule of what it looks like', (tool, expected) => {
      expect(strict.decide(alice, tool)).toMatchObject(expected);
    });

    test('is never public by that', () => {
      expect(strict.decide(undefined, 'open')).toMatchObject({ isPublic: true });
      expect(strict.decide(undefined, 'OPEN')).toMatchObject({ kind: 'sign-in' });
    });
  });

  test('without rules the access of the upstream decides', () => {
    const open = new ToolRules(access);
    expect(open.somePublic).toBe(false);
    expect(open.decide(bob, 'anything')).toMatchObject({ kind: 'allowed', rule: undefined });
    expect(open.decide({ ...bob, scopes: [] }, 'anything')).toMatchObject({ scopes: ['mcp'] });
    expect(open.decide(undefined, 'anything').kind).toBe('sign-in');
  });

  test('the table has a line for each rule, as they are looked for, and one for the default', () => {
    expect(rules.decideAll(alice).map(({ rule: name, kind }) => [name, kind])).toEqual([
      ['get_secret_santa', 'allowed'],
      ['status', 'allowed'],
      ['write', 'insufficient-scope'],
      ['get_secret_*', 'allowed'],
      ['get_*', 'allowed'],
      ['old_*', 'refused'],
      [undefined, 'refused'],
    ]);
  });

  test('a hidden tool is not public', () => {
    expect(rules.somePublic).toBe(true);
    const hidden = {
      default: 'allow',
      rules: { a: rule({ public: true, hidden: true }) },
    } as const;
    expect(new ToolRules(access, hidden).somePublic).toBe(false);
  });
});
