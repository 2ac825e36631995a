import { describe, expect, test } from 'vitest';
import {
  backoffSeconds,
  decide,
  decideRejected,
  type GrantState,
  hasEnoughLife,
  refreshShare,
} from './grant.js';

const now = 1_000_000;
const fresh = { issuedAt: now - 10, expiresAt: now + 110 };
const nearlyOver = { issuedAt: now - 110, expiresAt: now + 10 };
const over = { issuedAt: now - 130, expiresAt: now - 10 };
const timeless = { issuedAt: now - 9_999_999, expiresAt: undefined };

const grant = (about: Partial<GrantState> = {}): GrantState => ({
  status: 'active',
  requestedScopes: ['a', 'b'],
  hasRefreshToken: true,
  pausedUntil: undefined,
  token: fresh,
  ...about,
});

describe('what to do for a caller who wants a token', () => {
  const none = { hasRefreshToken: false };
  const paused = { pausedUntil: now + 7.2 };
  test.each([
    ['no grant', undefined, { do: 'ask', purpose: 'connect' }],
    ['revoked', grant({ status: 'revoked' }), { do: 'ask', purpose: 'connect' }],
    ['needs consent', grant({ status: 'needs_consent' }), { do: 'ask', purpose: 'reconnect' }],
    [
      'a scope never asked for',
      grant({ requestedScopes: ['a'] }),
      { do: 'ask', purpose: 'scopes' },
    ],
    ['fresh token', grant(), { do: 'serve' }],
    ['fresh token, refresh in flight', grant({ status: 'refreshing' }), { do: 'serve' }],
    ['no lifetime named', grant({ token: timeless }), { do: 'serve' }],
    ['nearly over', grant({ token: nearlyOver }), { do: 'refresh', fallback: true }],
    ['over', grant({ token: over }), { do: 'refresh', fallback: false }],
    ['no token for this resource', grant({ token: undefined }), { do: 'refresh', fallback: false }],
    [
      'a pause that is over',
      grant({ token: over, pausedUntil: now }),
      { do: 'refresh', fallback: false },
    ],
    ['nearly over, provider down', grant({ token: nearlyOver, ...paused }), { do: 'serve' }],
    ['over, provider down', grant({ token: over, ...paused }), { do: 'wait', seconds: 8 }],
    ['nearly over, no refresh token', grant({ token: nearlyOver, ...none }), { do: 'serve' }],
    [
      'over, no refresh token',
      grant({ token: over, ...none }),
      { do: 'ask', purpose: 'reconnect' },
    ],
  ] as const)('%s', (_name, state, decision) => {
    expect(decide(state, ['b'], now)).toEqual(decision);
  });
});

test.each([
  ['a living grant is refreshed', grant(), { do: 'force' }],
  [
    'without a refresh token there is nothing to try',
    grant({ hasRefreshToken: false }),
    { do: 'give-up' },
  ],
  [
    'a dead one needs the person',
    grant({ status: 'needs_consent' }),
    { do: 'ask', purpose: 'reconnect' },
  ],
] as const)('a rejected token: %s', (_name, state, decision) => {
  expect(decideRejected(state, ['a'], now)).toEqual(decision);
});

test.each([
  [3600, 15, true],
  [3600, 14.9, false],
  [5, 1, true],
  [5, 0.9, false],
])('of a life of %d s, %d s left is enough to hand out: %s', (life, left, enough) => {
  const token = { issuedAt: now - life + left, expiresAt: now + left };
  expect(hasEnoughLife(token, now)).toBe(enough);
});

test('a refresh is due at 75 % of the lifetime, give or take 5', () => {
  expect(refreshShare(0)).toBeCloseTo(0.7);
  expect(refreshShare(0.5)).toBeCloseTo(0.75);
  expect(refreshShare(1)).toBeCloseTo(0.8);
});

test('the first retry comes within 1.1 s, later ones within 5.5 minutes, none before Retry-After', () => {
  expect(backoffSeconds(1, undefined, 1)).toBeCloseTo(1.1);
  expect(backoffSeconds(4, undefined, 0.5)).toBeCloseTo(8);
  expect(backoffSeconds(99, undefined, 1)).toBeCloseTo(66);
  expect(backoffSeconds(1, 60, 0)).toBe(60);
});
