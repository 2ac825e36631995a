import { describe, expect, test } from 'vitest';
import { TestClock } from '#lib/testing/test-clock';
import { BorrowedToken } from './borrowed-token.js';
import { BorrowedTokens } from './borrowed-tokens.js';
import { type Lease, Leases, type LeaseTerms } from './leases.js';
import { ProofMemory } from './proof-memory.js';
import type { Use } from './use.js';

const inject = { header: 'authorization', scheme: 'Bearer' };

function termsOf(person: string, changes: Partial<Use> = {}): LeaseTerms {
  const terms = { use: useOf(person, changes), grantId: `grant-${person}` };
  return { ...terms, scopes: ['read'], clientInfoName: undefined };
}

function useOf(person: string, changes: Partial<Use> = {}): Use {
  return { person, application: 'cli', upstream: 'reports', ...changes };
}

const asked = { scopes: ['read'], source: undefined };
const held = { ...asked, grantVersion: 1 };

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
      const lease = leases.renew(termsOf(person));
      const token = tokenOf(person, lease);
      tokens.put({ use: lease, token, ...held, usableUntilMs: 60_000 }, 0);
    };
    for (const person of ['alice', 'bob', 'alice', 'carol']) borrow(person);
    const atHand = ['alice', 'bob', 'carol'].map((one) =>
      tokens.find({ ...useOf(one), ...asked }, 0),
    );
    expect(atHand.map((token) => token?.header?.[1])).toEqual([
      'Bearer alice',
      undefined,
      'Bearer carol',
    ]);
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
    const put = (person: string, nowMs: number) =>
      tokens.put({ use: useOf(person), token, ...held, usableUntilMs: nowMs + 1_000 }, nowMs);
    for (let i = 0; i < 100; i += 1) put(`old-${i}`, 0);
    for (let i = 0; i < 60; i += 1) put(`new-${i}`, 2_000);
    expect(tokens.size).toBe(60);
  });

  test('tokens beyond the bound go, the oldest first', () => {
    const tokens = new BorrowedTokens(2);
    const token = tokenOf('t');
    const upstreams = ['a', 'b', 'c'];
    const atHand = () =>
      upstreams.filter((upstream) => tokens.find({ ...useOf('alice', { upstream }), ...asked }, 0));
    for (const upstream of upstreams)
      tokens.put({ use: useOf('alice', { upstream }), token, ...held, usableUntilMs: 1 }, 0);
    expect(atHand()).toEqual(['b', 'c']);
    tokens.purge('alice', ({ use }) => use.upstream === 'b');
    expect(atHand()).toEqual(['c']);
  });

  test('one person’s tokens are bounded too, and found by all that was asked for', () => {
    const tokens = new BorrowedTokens();
    const wanted = (source: string, scopes = ['read']) => ({ ...useOf('alice'), scopes, source });
    const put = (source: string, scopes?: string[]) => {
      const { scopes: kept } = wanted(source, scopes);
      const one = { use: useOf('alice'), scopes: kept, source, grantVersion: 1 };
      tokens.put({ ...one, token: tokenOf(source), usableUntilMs: 1 }, 0);
    };
    for (let i = 0; i < 300; i += 1) put(`jwt-${i}`);
    put('jwt-299');
    expect(tokens.size).toBe(256);
    const found = [wanted('jwt-43'), wanted('jwt-44'), wanted('jwt-299')].map(
      (one) => tokens.find(one, 0)?.header?.[1],
    );
    expect(found).toEqual([undefined, 'Bearer jwt-44', 'Bearer jwt-299']);
    expect(tokens.find(wanted('jwt-299', ['write']), 0)).toBeUndefined();
    tokens.forget(wanted('jwt-299'));
    expect([tokens.find(wanted('jwt-299'), 0), tokens.size]).toEqual([undefined, 255]);
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
    leases.end('alice', ({ application }) => application === 'agent');
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
