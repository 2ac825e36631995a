import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { Caller } from '#lib/jwt/caller';
import { askedClaims } from '../policy/asked-claims.js';
import { SharedClaims } from './shared-claims.js';

function callerOf(subject: string, groups: readonly string[]): Caller {
  const claims = JSON.parse(
    JSON.stringify({
      ...{ iss: 'https://idp.example', sub: subject, client_id: 'cli', groups },
      ...{ aud: ['https://gateway.example'], scope: 'a b', exp: 9, nested: { groups } },
    }),
  ) as Record<string, unknown>;
  return {
    ...{ issuer: 'corporate', iss: String(claims.iss), subject, application: 'cli' },
    ...{ machine: false, scopes: ['a', 'b'], audiences: ['https://gateway.example'] },
    ...{ claims, issuedAt: 0, expiresAt: 9 },
  };
}

const all = new Set(['iss', 'sub', 'client_id', 'groups', 'aud', 'scope', 'exp', 'nested']);

test('nobody’s claims say anything else than before', () => {
  const shared = new SharedClaims();
  const groups = [['x'], ['x', 'y'], ['y', 'x'], [], ['x,y'], ['x']];
  for (let round = 0; round < 40; round += 1) {
    const of = () => callerOf(`person-${round % 7}`, groups[round % groups.length] ?? []);
    expect(shared.share(of(), all)).toMatchObject(of());
  }
});

test('what many say is kept once', () => {
  const shared = new SharedClaims();
  const asked = new Set(['groups']);
  const first = shared.share(callerOf('alice', ['x', 'y']), asked);
  const second = shared.share(callerOf('bob', ['x', 'y']), asked);
  expect(second.scopes).toBe(first.scopes);
  expect(second.audiences).toBe(first.audiences);
  expect(second.claims).toBe(first.claims);
  expect(second.subject).toBe('bob');
  expect(shared.share(callerOf('carol', ['x']), asked).claims).toEqual({ groups: ['x'] });
});

test('of the claims stays what rules ask for, by name or by pointer', () => {
  const access = { scopes: [], claims: { '/a~1b/roles/0': { equals: 1 }, team: { equals: 'x' } } };
  const rule = { public: false, scopes: [], upstreamScopes: [], hidden: false };
  const tools = { default: 'allow', rules: { 'drop_*': { ...rule, claims: { scope: {} } } } };
  const asked = askedClaims([{ access }, { access, tools: { ...tools, default: 'deny' } }]);
  expect([...asked].sort()).toEqual(['a/b', 'scope', 'team']);
  expect(new SharedClaims().share(callerOf('alice', []), asked).claims).toEqual({ scope: 'a b' });
  expect(new SharedClaims().share(callerOf('alice', []), new Set()).claims).toEqual({});
});

test('a hundred thousand callers have one hidden class, and so has what they say alike', () => {
  setFlagsFromString('--allow-natives-syntax');
  const areAlike = runInThisContext('(one, other) => %HaveSameMap(one, other)') as Alike;
  const shared = new SharedClaims();
  const asked = new Set(['sub']);
  const callers = ['alice', 'bob', 'carol'].map((one) => shared.share(callerOf(one, []), asked));
  const [first, ...others] = callers;
  for (const other of others) {
    expect(areAlike(first, other)).toBe(true);
    expect(other.standing).not.toBe(first?.standing);
    expect(areAlike(first?.standing, other.standing)).toBe(true);
  }
  expect(areAlike({ ...first, a: 1 }, { ...first, b: 1 })).toBe(false);
});

type Alike = (one: unknown, other: unknown) => boolean;
