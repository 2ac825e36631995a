import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SealBroken } from '#lib/sealing/message';
import type { AccessTokenResult } from './access-token-for.js';
import { GrantsFixture } from './grants-fixture.js';
import type { GrantsReplica } from './grants-replica-fixture.js';

let fixture: GrantsFixture;
let one: GrantsReplica;
let two: GrantsReplica;
let person: string;
let people = 0;
let refreshesBefore: number;

beforeAll(async () => {
  fixture = await GrantsFixture.start();
  one = await fixture.replica();
  two = await fixture.replica();
});
afterAll(() => fixture.stop());
beforeEach(() => {
  people += 1;
  person = `person-${people}`;
  fixture.server.narrowing = 'obeys';
  refreshesBefore = fixture.server.count('token', 'refresh_token');
});

const requested = ['offline_access', 'read', 'write'];
const narrow = { scopes: ['read'], allowed: ['offline_access', 'read'] };
const whole = { scopes: ['read'], allowed: requested };
const refreshes = () => fixture.server.count('token', 'refresh_token') - refreshesBefore;
const sha256 = (token: string) => createHash('sha256').update(token).digest();
const rowsOf = (grantId: string) =>
  fixture.database.query<{ resource: string; scopes: string }>(
    'SELECT resource, scopes FROM access_token WHERE grant_id = $1 ORDER BY resource, scopes',
    [grantId],
  );

function tokenOf(result: AccessTokenResult): string {
  if (!result.ok) throw new Error(`no token: ${result.because}`);
  return result.token.reveal();
}

const goodFor = (result: AccessTokenResult) => fixture.server.issuedFor(tokenOf(result));

describe('applications that were allowed different scopes of one grant', () => {
  test('who was allowed all has the grant’s own token at no cost; who was allowed less, one for that', async () => {
    await fixture.grantTo(person, one, { requested });
    const first = tokenOf(await fixture.askFor(person, one, whole));
    expect(refreshes()).toBe(0);
    const less = await fixture.askFor(person, one, narrow);
    expect(goodFor(less)?.scope).toBe('offline_access read');
    expect(less.ok && less.stored.grantedScopes).toEqual(['offline_access', 'read']);
    expect(tokenOf(await fixture.askFor(person, two, narrow))).toBe(tokenOf(less));
    expect(tokenOf(await fixture.askFor(person, two, whole))).toBe(first);
    expect(refreshes()).toBe(1);
  });

  test('a grant with nothing more than was allowed has one row, whoever asks in whatever order', async () => {
    const { id } = await fixture.grantTo(person, one, { requested });
    for (const allowed of [requested, requested.toReversed(), [...requested, 'more']])
      tokenOf(await fixture.askFor(person, one, { scopes: [], allowed }));
    expect(await rowsOf(id)).toEqual([{ resource: '', scopes: '' }]);
    expect(refreshes()).toBe(0);
  });

  test('a token of a narrower refresh says nothing of what the grant has', async () => {
    const { id } = await fixture.grantTo(person, one, { requested });
    tokenOf(await fixture.askFor(person, one, narrow));
    expect(await fixture.row(id)).toMatchObject({ granted_scopes: requested });
  });

  test.each(['refuses', 'ignores'] as const)(
    'a server that %s to narrow gives what it gives: served, once, and the grant lives',
    async (narrowing) => {
      fixture.server.narrowing = narrowing;
      const { id } = await fixture.grantTo(person, one, { requested });
      const less = await fixture.askFor(person, one, narrow);
      expect(goodFor(less)?.scope).toBe(requested.join(' '));
      expect(tokenOf(await fixture.askFor(person, one, narrow))).toBe(tokenOf(less));
      expect(refreshes()).toBe(narrowing === 'refuses' ? 2 : 1);
      expect(await fixture.row(id)).toMatchObject({ status: 'active', refresh_failures: 0 });
    },
  );

  test('a server that granted less is asked for what it granted, before for everything', async () => {
    await fixture.grantTo(person, one, { requested, granted: ['read', 'write'] });
    expect(goodFor(await fixture.askFor(person, one, narrow))?.scope).toBe('read');
    expect(refreshes()).toBe(2);
  });

  test('what was requested and not granted is served with what there is, and nobody is asked', async () => {
    await fixture.grantTo(person, one, { requested, granted: ['read'] });
    const served = await fixture.askFor(person, one, { scopes: ['write'], allowed: requested });
    expect(served).toMatchObject({ ok: true, stored: { grantedScopes: ['read'] } });
    expect(refreshes()).toBe(0);
  });

  test('row 37, ciphertext swap: the wider token in the narrower one’s row does not open', async () => {
    const { id } = await fixture.grantTo(person, one, { requested });
    tokenOf(await fixture.askFor(person, one, narrow));
    await fixture.database.query(
      `UPDATE access_token t SET sealed = w.sealed FROM access_token w
        WHERE t.grant_id = $1 AND w.grant_id = $1 AND w.scopes = '' AND t.scopes <> ''`,
      [id],
    );
    await expect(fixture.askFor(person, one, narrow)).rejects.toThrow(SealBroken);
    expect((await fixture.askFor(person, one, whole)).ok).toBe(true);
  });
});

describe('several resources under one grant', () => {
  const [a, b, c] = ['https://a.example', 'https://b.example', 'https://c.example'] as const;

  test('R2: each has its token, refreshed by itself with the one refresh token, never two at once', async () => {
    const resources = [a, b, c];
    const grant = await fixture.grantTo(person, one, { resource: a });
    for (const resource of resources) tokenOf(await fixture.askFor(person, one, { resource }));
    expect(refreshes()).toBe(2);
    await fixture.expire(grant.id);
    const callers = [one, two, one, two].flatMap((replica) =>
      resources.map((resource) => fixture.askFor(person, replica, { resource })),
    );
    const results = await Promise.all(callers);
    expect(results.map((result) => goodFor(result)?.resource)).toEqual(
      [1, 2, 3, 4].flatMap(() => resources),
    );
    expect(new Set(results.map(tokenOf)).size).toBe(3);
    expect(refreshes()).toBe(5);
    const family = fixture.server.families.all.at(-1);
    expect(family).toMatchObject({ overlaps: 0, revoked: false, refreshes: 5 });
  });

  test.each([
    ['ends the tokens of the others', true, [b]],
    ['leaves the tokens of the others where nothing could refresh them', false, [a, b]],
  ])('a consent for one %s', async (_case, refreshable, left) => {
    const { id } = await fixture.grantTo(person, one, { resource: a, refreshable });
    await fixture.grantTo(person, one, { resource: b, refreshable });
    expect((await rowsOf(id)).map(({ resource }) => resource)).toEqual(left);
  });

  test('one that is refused is renewed at once, another in the same minute later: nobody is asked', async () => {
    const { id } = await fixture.grantTo(person, one, { resource: a });
    const tokenA = tokenOf(await fixture.askFor(person, one, { resource: a }));
    const tokenB = tokenOf(await fixture.askFor(person, one, { resource: b }));
    await fixture.database.query(
      `UPDATE access_token SET issued_at = now() - interval '2 minutes', expires_at = now() + interval '1 hour'
        WHERE grant_id = $1`,
      [id],
    );
    const refused = (resource: string, token: string) =>
      fixture.askFor(person, one, { resource, rejectedSha256: sha256(token) });
    expect(tokenOf(await refused(a, tokenA))).not.toBe(tokenA);
    expect(await refused(b, tokenB)).toMatchObject({ ok: false, because: 'unavailable' });
    expect(await fixture.row(id)).toMatchObject({ rejected_at: null, status: 'active' });
  });
});

describe('refreshed before anybody asks', () => {
  const use = async (result: AccessTokenResult) => {
    if (!result.ok) throw new Error(`no token: ${result.because}`);
    const { grant, stored } = result;
    await one.database.transaction((tx) => one.held.touchAll(tx, [{ grant, ...stored }]));
  };
  /** Time passes until the grant is due, and the background has seen to it. */
  const background = async (grantId: string) => {
    await fixture.database.query(
      `UPDATE access_token SET used_at = used_at - interval '10 minutes',
              issued_at = issued_at - interval '10 minutes', expires_at = expires_at - interval '10 minutes'
        WHERE grant_id = $1`,
      [grantId],
    );
    await fixture.database.query(`UPDATE user_grant SET refresh_after = now() WHERE id = $1`, [
      grantId,
    ]);
    const before = refreshes();
    await one.dueScan.scan();
    await expect
      .poll(async () => {
        const { refresh_after } = await fixture.row(grantId);
        return (refresh_after as Date).getTime() > Date.now() && one.refreshing.inFlight === 0;
      })
      .toBe(true);
    return refreshes() - before;
  };

  test('are the tokens in use; one that nobody used since it was issued waits until it is asked for', async () => {
    const { id } = await fixture.grantTo(person, one, { requested });
    await use(await fixture.askFor(person, one, narrow));
    await use(await fixture.askFor(person, one, whole));
    expect(await background(id)).toBe(2);
    await use(await fixture.askFor(person, one, whole));
    expect(await background(id)).toBe(1);
    expect(await background(id)).toBe(1);
    const expired = await fixture.database.query(
      `SELECT scopes FROM access_token WHERE grant_id = $1 AND expires_at < now()`,
      [id],
    );
    expect(expired).toEqual([{ scopes: 'offline_access read' }]);
    expect(goodFor(await fixture.askFor(person, one, narrow))?.scope).toBe('offline_access read');
  });

  test('a token that nobody asked for in a week after its end is forgotten', async () => {
    const { id } = await fixture.grantTo(person, one, { requested });
    tokenOf(await fixture.askFor(person, one, narrow));
    await fixture.expire(id);
    await fixture.database.query(
      `UPDATE access_token SET issued_at = now() - interval '9 days', expires_at = now() - interval '8 days',
              used_at = now() - interval '9 days' WHERE grant_id = $1 AND scopes <> ''`,
      [id],
    );
    tokenOf(await fixture.askFor(person, one, whole));
    expect(await rowsOf(id)).toEqual([{ resource: '', scopes: '' }]);
  });
});
