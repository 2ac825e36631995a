import { beforeEach, expect, test } from 'vitest';
import type { Caller } from '#lib/jwt/caller';
import { TestClock } from '#lib/testing/test-clock';
import { VerifiedTokens } from './verified-tokens.js';

let clock: TestClock;
let verified: VerifiedTokens;

beforeEach(() => {
  clock = new TestClock();
  verified = new VerifiedTokens(clock, 3);
});

function put(name: string, seconds = 60): void {
  const caller: Caller = {
    ...{ issuer: 'corporate', iss: '', subject: name, application: 'cli', machine: false },
    ...{ scopes: [], claims: {}, audiences: [], issuedAt: 0, expiresAt: clock.now() + seconds },
  };
  verified.put(keyOf(name), { caller, refusal: undefined }, verified.generation);
}

const keyOf = (name: string) => verified.keyOf(name, '/mcp');
const kept = (...names: string[]) =>
  names.filter((name) => verified.find(keyOf(name))?.caller.subject === name);

test('beyond the bound goes what was stored longest ago', () => {
  for (const name of ['a', 'b', 'c', 'a', 'd']) put(name);
  expect([kept('a', 'b', 'c', 'd'), verified.size]).toEqual([['a', 'c', 'd'], 3]);
});

test('what is over is not found, and goes as others come', () => {
  put('a', 10);
  put('b', 10);
  clock.advance(11);
  put('c');
  expect([verified.size, kept('a', 'b', 'c')]).toEqual([1, ['c']]);
  put('d', 10);
  clock.advance(11);
  expect([kept('c', 'd'), verified.size]).toEqual([['c'], 1]);
});

test('a good token is verified again after five minutes, and not remembered from before a change', () => {
  put('a', 3600);
  clock.advance(299);
  expect(kept('a')).toEqual(['a']);
  clock.advance(1);
  expect(kept('a')).toEqual([]);
  put('b');
  const { generation } = verified;
  const verdict = verified.find(keyOf('b'));
  verified.clear();
  if (verdict !== undefined) verified.put(keyOf('b'), verdict, generation);
  expect([verdict?.caller.subject, kept('b'), verified.size]).toEqual(['b', [], 0]);
});
