import { describe, expect, test } from 'vitest';
import { TestClock } from '#lib/testing/test-clock';
import { BorrowedToken } from './borrowed-token.js';
import { BorrowedTokens } from './borrowed-tokens.js';
import { type Lease, Leases, type LeaseTerms } from './leases.js';
import { ProofMemory } from './proof-memory.js';

const inject = { header: 'authorization', scheme: 'Bearer' };

function termsOf(person: string, changes: Partial<LeaseTerms['use']> = {}): LeaseTerms {
  const use = { person, application: 'cli', upstream: 'reports', ...changes };
  return { use, grantId: `grant-${person}`, scopes: ['read'], clientInfoName: undefined };
}

const held = { grantId: 'g', grantVersion: 1 };

function tokenOf(value: string, lease?: Lease): BorrowedToken {
  const proving = { clock: new TestClock(), memory: new ProofMemory() };
  const answer = { access_token: value, issued_token_type: '', token_type: 'Bearer' };
  const token = BorrowedToken.of({ ...answer, expires_in: 60 }, inject, proving, lease);
  if (token === undefined) throw new Error('not usable');
  return token;
}

describe('row 30, a crowd', () => {
  test('beyond the bound the longest unused lease ends, and its token is at hand no longer', () => {
    const leases = new Leases(2);
    const tokens = new BorrowedTokens();
    const borrow = (person: string) => {
      const terms = termsOf(person);
      const { use } = terms;
      const token = tokenOf(person, leases.renew(terms));
      tokens.put({ key: person, use, token, ...held, usableUntilMs: 60_000 }, 0);
    };
    for (const person of ['alice', 'bob', 'alice', 'carol']) borrow(person);
    const atHand = ['alice', 'bob', 'carol'].map((one) => tokens.find(one, 0)?.header?.[1]);
    expect(atHand).toEqual(['Bearer alice', undefined, 'Bearer carol']);
  });

  test('no number of others ends what an open call watches, and a revocation still reaches it', () => {
    const leases = new Leases(2);
    const ended: string[] = [];
    leases.renew(termsOf('alice')).watch(() => ended.push('alice'), 'jwt');
    for (let i = 0; i < 100; i += 1) leases.renew(termsOf(`person-${i}`));
    expect(ended).toEqual([]);
    leases.end('alice', () => true);
    expect(ended).toEqual(['alice']);
  });

  test('what is over goes as others come', () => {
    const tokens = new BorrowedTokens();
    const token = tokenOf('t');
    const put = (key: string, nowMs: number) =>
      tokens.put(
        { key, use: termsOf(key).use, token, ...held, usableUntilMs: nowMs + 1_000 },
        nowMs,
      );
    for (let i = 0; i < 100; i += 1) put(`old-${i}`, 0);
    for (let i = 0; i < 60; i += 1) put(`new-${i}`, 2_000);
    expect(tokens.size).toBe(60);
  });

  test('tokens beyond the bound go, the oldest first', () => {
    const tokens = new BorrowedTokens(2);
    const { use } = termsOf('alice');
    const token = tokenOf('t');
    for (const key of ['a', 'b', 'c'])
      tokens.put({ key, use, token, ...held, usableUntilMs: 1 }, 0);
    expect(['a', 'b', 'c'].map((key) => tokens.find(key, 0) !== undefined)).toEqual([
      false,
      true,
      true,
    ]);
    tokens.purge(use.person, ({ key }) => key === 'b');
    expect(['b', 'c'].map((key) => tokens.find(key, 0) !== undefined)).toEqual([false, true]);
  });
});

describe('a lease', () => {
  test('is one per person, grant, application and upstream', () => {
    const leases = new Leases();
    const first = leases.renew(termsOf('alice'));
    expect(leases.renew(termsOf('alice'))).toBe(first);
    expect(leases.renew(termsOf('alice', { application: 'agent' }))).not.toBe(first);
    expect(leases.renew(termsOf('alice', { upstream: 'tickets' }))).not.toBe(first);
    expect(leases.renew({ ...termsOf('alice'), grantId: 'another' })).not.toBe(first);
    leases.end('alice', ({ use }) => use.application === 'agent');
    expect(leases.renew(termsOf('alice'))).toBe(first);
  });

  test('is confirmed with the token of the call that came last, and holds none once all are over', () => {
    const lease = new Leases().renew(termsOf('alice'));
    const first = lease.watch(() => undefined, 'first');
    const second = lease.watch(() => undefined, 'second');
    expect(lease.token).toBe('second');
    second();
    expect(lease.token).toBe('first');
    first();
    first();
    expect([lease.token, lease.watched]).toEqual([undefined, false]);
  });
});
