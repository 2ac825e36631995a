import { expect, test } from 'vitest';
import type { Caller } from '#lib/jwt/caller';
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

test('nobody’s claims say anything else than before', () => {
  const shared = new SharedClaims();
  const groups = [['x'], ['x', 'y'], ['y', 'x'], [], ['x,y'], ['x']];
  for (let round = 0; round < 40; round += 1) {
    const of = () => callerOf(`person-${round}`, groups[round % groups.length] ?? []);
    expect(shared.share(of())).toEqual(of());
  }
});

test('what many say is kept once', () => {
  const shared = new SharedClaims();
  const first = shared.share(callerOf('alice', ['x', 'y']));
  const second = shared.share(callerOf('bob', ['x', 'y']));
  expect(second.scopes).toBe(first.scopes);
  expect(second.audiences).toBe(first.audiences);
  expect(second.claims['groups']).toBe(first.claims['groups']);
  expect(second.subject).toBe('bob');
});
