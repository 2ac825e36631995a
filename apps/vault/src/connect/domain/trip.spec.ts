import { describe, expect, test } from 'vitest';
import { isOtherAccount, needsTrip, tripScopes } from './trip.js';
import type { HeldGrant } from './trip.js';

const now = 1_000;
const grant: HeldGrant = {
  status: 'active',
  requestedScopes: ['read', 'write'],
  hasRefreshToken: true,
  isRejected: false,
  accessTokenExpiresAt: now - 1,
};
const asked = { purpose: 'connect', scopes: ['read'] } as const;

describe('the person goes to the provider', () => {
  test.each([
    ['without a grant', asked, undefined, true],
    ['not for a second application', asked, grant, false],
    ['not while the grant is being refreshed', asked, { ...grant, status: 'refreshing' }, false],
    ['to reconnect', { ...asked, purpose: 'reconnect' }, grant, true],
    ['for a scope that was not asked before', { ...asked, scopes: ['admin'] }, grant, true],
    ['when the grant has died', asked, { ...grant, status: 'needs_consent' }, true],
    ['when it was disconnected', asked, { ...grant, status: 'revoked' }, true],
    ['when the upstream refuses its token', asked, { ...grant, isRejected: true }, true],
    ['when nothing can be refreshed any more', asked, { ...grant, hasRefreshToken: false }, true],
    [
      'not while a token without refresh lives',
      asked,
      { ...grant, hasRefreshToken: false, accessTokenExpiresAt: now + 1 },
      false,
    ],
  ] as const)('%s', (_case, request, held, trip) => {
    expect(needsTrip(request, held, now)).toBe(trip);
  });
});

test('a trip never asks for less than the grant already has', () => {
  expect(tripScopes({ purpose: 'scopes', scopes: ['admin'] }, grant)).toEqual([
    'admin',
    'read',
    'write',
  ]);
  expect(tripScopes(asked, { ...grant, status: 'revoked' })).toEqual(['read']);
});

test.each([
  ['the same account', 'active', 'u1', 'u1', false],
  ['another account', 'active', 'u1', 'u2', true],
  [
    'another account while the old grant is dead but not disconnected',
    'needs_consent',
    'u1',
    'u2',
    true,
  ],
  ['any account after a disconnect', 'revoked', 'u1', 'u2', false],
  ['the first account we learn of', 'active', undefined, 'u2', false],
  ['an account that is not named any more', 'active', 'u1', undefined, true],
] as const)('row 13: %s', (_case, status, held, returned, other) => {
  expect(isOtherAccount({ status, accountSubject: held }, returned)).toBe(other);
});
