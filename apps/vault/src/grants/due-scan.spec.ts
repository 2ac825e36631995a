import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { slow, status, tooManyRequests } from '#lib/testing/scripted-answer';
import { GrantsFixture } from './grants-fixture.js';
import type { GrantsReplica } from './grants-replica-fixture.js';
import { claimSql, standingSql } from './postgres-due-grants.js';

let fixture: GrantsFixture;
let one: GrantsReplica;
let two: GrantsReplica;

beforeEach(async () => {
  fixture = await GrantsFixture.start();
  one = await fixture.replica();
  two = await fixture.replica();
});
afterEach(() => fixture.stop());

const refreshes = () => fixture.server.count('token', 'refresh_token');
const day = 86_400;

/** Counts what is in flight at the authorization server. */
function watch(ms: number): { most: number } {
  const seen = { most: 0, now: 0 };
  fixture.server.always('token', async (response, ordinary) => {
    seen.now += 1;
    seen.most = Math.max(seen.most, seen.now);
    await slow(ms)(response, ordinary);
    seen.now -= 1;
  });
  return seen;
}

async function dueGrants(count: number): Promise<string[]> {
  const people = Array.from({ length: count }, (_, i) => `person-${i}`);
  const grants = await Promise.all(people.map((person) => fixture.grantTo(person, one)));
  await fixture.database.query(
    `UPDATE access_token SET issued_at = now() - interval '121 seconds', expires_at = now() - interval '1 second'`,
  );
  await fixture.database.query(`UPDATE user_grant SET refresh_after = now() - interval '1 second'`);
  return grants.map(({ id }) => id);
}

async function scanUntil(done: () => boolean | Promise<boolean>): Promise<void> {
  one.dueScan.start();
  two.dueScan.start();
  await expect.poll(done, { timeout: 45_000 }).toBe(true);
}

async function registration(changes: Record<string, unknown>): Promise<void> {
  await fixture.database.query(
    `UPDATE registry_resource SET document = document || $1::jsonb WHERE slug = 'snowid'`,
    [JSON.stringify(changes)],
  );
  await fixture.database.query('UPDATE registry_version SET version = version + 1');
  await Promise.all([one, two].map((replica) => replica.registry.refresh()));
}

async function circuit(): Promise<Record<string, unknown> | undefined> {
  const [row] = await fixture.database.query(
    `SELECT failures, extract(epoch FROM paused_until - now())::float8 AS "pausedFor" FROM provider_circuit`,
  );
  return row;
}

describe('R7, no herd', () => {
  test('R7, no herd: 120 grants due together and two replicas: each refreshed once, never more in flight than allowed', async () => {
    await registration({ maxConcurrentRequests: 6 });
    const ids = await dueGrants(120);
    const seen = watch(5);
    await scanUntil(() => refreshes() >= 120);
    await Promise.all([one, two].map((replica) => replica.dueScan.stop()));
    await Promise.all([one, two].map((replica) => replica.refreshing.drain()));
    expect(refreshes()).toBe(120);
    expect(fixture.server.families.all.every(({ attempts }) => attempts === 1)).toBe(true);
    expect(await fixture.audited('grant.refreshed')).toBe(ids.length);
    expect(seen.most).toBeLessThanOrEqual(4);
    expect(seen.most).toBeGreaterThanOrEqual(2);
  }, 60_000);

  test('R7, no herd: 60 callers at two replicas and the background together stay within what is allowed', async () => {
    await registration({ maxConcurrentRequests: 4 });
    await dueGrants(60);
    const seen = watch(10);
    one.dueScan.start();
    two.dueScan.start();
    const asked = Array.from({ length: 60 }, (_, i) =>
      fixture.ask(`person-${i}`, i % 2 ? one : two),
    );
    expect((await Promise.all(asked)).every(({ ok }) => ok)).toBe(true);
    expect(refreshes()).toBe(60);
    expect(seen.most).toBeLessThanOrEqual(4);
  });

  test('a provider that hangs in the background leaves room for somebody who asks', async () => {
    await dueGrants(20);
    const grant = await fixture.grantTo('alice', one);
    watch(3_000);
    await Promise.all([one.dueScan.scan(), two.dueScan.scan()]);
    await Promise.all([one.dueScan.scan(), two.dueScan.scan()]);
    await expect.poll(refreshes).toBeGreaterThanOrEqual(5);
    fixture.server.always('token', undefined);
    await fixture.expire(grant.id);
    const started = performance.now();
    expect((await fixture.ask('alice', two)).ok).toBe(true);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe('a provider that fails', () => {
  test('Retry-After pauses all its grants, at all replicas, for background work', async () => {
    await dueGrants(12);
    fixture.server.always('token', tooManyRequests(60));
    await Promise.all([one.dueScan.scan(), one.refreshing.drain()]);
    await one.refreshing.drain();
    const asked = refreshes();
    expect(asked).toBeLessThanOrEqual(4);
    fixture.server.always('token', undefined);
    for (const replica of [one, two, one]) {
      await replica.dueScan.scan();
      await replica.refreshing.drain();
    }
    expect(refreshes()).toBe(asked);
    expect((await circuit())?.['pausedFor']).toBeGreaterThan(55);
  });

  test('Retry-After is not ended by what was in flight and succeeded', async () => {
    await dueGrants(12);
    fixture.server.script('token', tooManyRequests(60));
    fixture.server.always('token', slow(300));
    await one.dueScan.scan();
    await one.refreshing.drain();
    const asked = refreshes();
    expect(asked).toBeGreaterThan(1);
    expect((await circuit())?.['pausedFor']).toBeGreaterThan(55);
    for (const replica of [one, two]) {
      await replica.dueScan.scan();
      await replica.refreshing.drain();
    }
    expect(refreshes()).toBe(asked);
  });

  test('once the pause is over it is tried by one request, and then by as many as before', async () => {
    await dueGrants(12);
    const seen = watch(250);
    await fixture.database.query(
      `INSERT INTO provider_circuit (oauth_client_id, failures, error, paused_until)
       VALUES ($1, 5, 'transient: 503', now() - interval '1 second')`,
      [fixture.ids['snowid']],
    );
    await Promise.all([one.dueScan.scan(), two.dueScan.scan()]);
    await Promise.all([one, two].map((replica) => replica.refreshing.drain()));
    expect(refreshes()).toBe(1);
    expect((await circuit())?.['failures']).toBe(0);
    await scanUntil(() => refreshes() === 12);
    expect(seen.most).toBeGreaterThan(1);
  });

  test('callers come one at a time while it fails; the others are told to come again, and nobody is asked', async () => {
    await dueGrants(20);
    fixture.server.always('token', status(503));
    for (let person = 0; person < 3; person += 1) await fixture.ask(`person-${person}`, one);
    await Promise.all([one.dueScan.scan(), two.dueScan.scan()]);
    const seen = watch(100);
    const asked = Array.from({ length: 16 }, (_, i) =>
      fixture.ask(`person-${i + 4}`, i % 2 ? one : two),
    );
    const results = await Promise.all(asked);
    expect(seen.most).toBe(1);
    expect(results.some(({ ok }) => ok)).toBe(true);
    for (const result of results)
      if (!result.ok) expect(result).toMatchObject({ because: 'unavailable' });
    expect((await circuit())?.['failures']).toBe(0);
  });
});

describe('grants that nobody uses', () => {
  async function unusedFor(id: string, seconds: number): Promise<void> {
    await fixture.expire(id);
    await fixture.database.query(
      `UPDATE user_grant SET last_used_at = now() - make_interval(secs => $2),
              created_at = now() - interval '1 year', status_since = now() - interval '1 year'
        WHERE id = $1`,
      [id, seconds],
    );
  }

  async function issuedAgo(id: string, seconds: number): Promise<void> {
    await fixture.database.query(
      `UPDATE access_token SET issued_at = now() - make_interval(secs => $2) WHERE grant_id = $1`,
      [id, seconds],
    );
  }

  async function scan(): Promise<void> {
    await one.dueScan.scan();
    await one.refreshing.drain();
  }

  test('for 30 days are not refreshed for ever, and at the next use are refreshed on demand', async () => {
    const idle = await fixture.grantTo('alice', one);
    const used = await fixture.grantTo('bob', one);
    await unusedFor(idle.id, 31 * day);
    await unusedFor(used.id, 29 * day);
    await scan();
    expect(refreshes()).toBe(1);
    expect(await fixture.row(idle.id)).toMatchObject({ status: 'active', refresh_after: null });
    expect((await fixture.ask('alice', two)).ok).toBe(true);
    expect(refreshes()).toBe(2);
    expect((await fixture.row(idle.id))['refresh_after']).not.toBeNull();
  });

  test('are taken off the list many at a time', async () => {
    const ids = await dueGrants(40);
    await fixture.database.query(
      `UPDATE user_grant SET last_used_at = now() - interval '31 days',
              created_at = now() - interval '1 year', status_since = now() - interval '1 year'`,
    );
    await scan();
    const [row] = await fixture.database.query<{ listed: number }>(
      'SELECT count(refresh_after)::int AS listed FROM user_grant',
    );
    expect(row?.listed).toBe(0);
    expect(ids).toHaveLength(40);
    expect(refreshes()).toBe(0);
  });

  test('are kept alive where the provider would forget their refresh token, as long as they may be needed', async () => {
    await registration({ refresh: { idleSeconds: 60 * day } });
    const early = await fixture.grantTo('early', one);
    const inTime = await fixture.grantTo('in-time', one);
    const givenUp = await fixture.grantTo('given-up', one);
    for (const { id } of [early, inTime]) await unusedFor(id, 100 * day);
    await unusedFor(givenUp.id, 181 * day);
    await issuedAgo(early.id, 30 * day);
    await issuedAgo(inTime.id, 50 * day);
    await issuedAgo(givenUp.id, 50 * day);
    await scan();
    expect(refreshes()).toBe(1);
    expect((await fixture.row(inTime.id))['token_version']).not.toBe('1');
    const next = (await fixture.row(early.id))['refresh_after'] as Date;
    expect((next.getTime() - Date.now()) / 1000 / day).toBeCloseTo(15, 1);
    expect((await fixture.row(givenUp.id))['refresh_after']).toBeNull();
  });
});

describe('what a provider is known to want', () => {
  const dueIn = async (id: string) =>
    (((await fixture.row(id))['refresh_after'] as Date).getTime() - Date.now()) / 1000;

  test.each([
    ['no sooner than it allows', { earliestSeconds: 110 }, 109, 111],
    ['a margin before the end', { marginSeconds: 60 }, 58, 61],
    ['before its refresh tokens end unused', { idleSeconds: 40 }, 27, 33],
    ['three quarters of the lifetime where nothing is said', {}, 83, 97],
  ])('is when the next refresh is due: %s', async (_name, rules, least, most) => {
    await registration({ refresh: rules });
    const stored = await fixture.grantTo('alice', one);
    expect(await dueIn(stored.id)).toBeGreaterThan(least);
    expect(await dueIn(stored.id)).toBeLessThan(most);
    await fixture.expire(stored.id);
    expect((await fixture.ask('alice', two)).ok).toBe(true);
    expect(await dueIn(stored.id)).toBeGreaterThan(least);
    expect(await dueIn(stored.id)).toBeLessThan(most);
  });
});

describe('the cost of looking', () => {
  interface Plan {
    readonly 'Node Type': string;
    readonly 'Relation Name'?: string;
    readonly 'Index Name'?: string;
    readonly 'Actual Rows'?: number;
    readonly Plans?: readonly Plan[];
  }

  const nodes = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];

  async function explained(sql: string, parameters: readonly string[]): Promise<Plan[]> {
    const statement = parameters.reduce(
      (text, value, index) => text.replaceAll(`$${index + 1}`, value),
      sql,
    );
    const rows = await fixture.database.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
      `EXPLAIN (ANALYZE, FORMAT JSON) ${statement}`,
    );
    const [plan] = rows[0]?.['QUERY PLAN'] ?? [];
    if (plan === undefined) throw new Error('There is no plan.');
    return nodes(plan.Plan);
  }

  /** 20,000 grants of this oauth client, of which so many are due. */
  async function filled(due: number): Promise<void> {
    const { issuerId, oauthClientId, partition } = fixture.keyOf('anybody');
    await fixture.database.query(
      `INSERT INTO user_grant (issuer_id, subject, oauth_client_id, partition, status, requested_scopes,
                               granted_scopes, refresh_after, last_used_at)
       SELECT $1, 'person-' || n, $2, $3, 'active', '{read}', '{read}',
              now() + CASE WHEN n <= $4 THEN interval '-1 second' ELSE n * interval '1 second' END, now()
         FROM generate_series(1, 20000) n`,
      [issuerId, oauthClientId, partition, due],
    );
    await fixture.database.query('VACUUM ANALYZE user_grant');
  }

  const client = () => `'${fixture.ids['snowid']}'`;
  const grantsIn = (plan: readonly Plan[]) =>
    plan.filter((node) => node['Relation Name'] === 'user_grant');

  test('with nothing due is one look into the index', async () => {
    await filled(0);
    const plan = await explained(standingSql, [`ARRAY[${client()}]`]);
    expect(grantsIn(plan).map((node) => [node['Node Type'], node['Index Name']])).toEqual([
      ['Index Only Scan', 'user_grant_due_by_client'],
    ]);
    expect(plan.some((node) => node['Node Type'].includes('Sort'))).toBe(false);
  });

  test('with thousands due reads from the index, in its order, those that are claimed', async () => {
    await filled(5_000);
    const parameters = [client(), '7', '2592000', '15552000', 'NULL', 'NULL', 'false'];
    const plan = await explained(claimSql, parameters);
    const found = plan.filter((node) => node['Index Name'] === 'user_grant_due_by_client');
    expect(found.map((node) => node['Node Type'])).toEqual(['Index Scan']);
    expect(found[0]?.['Actual Rows']).toBe(7);
    expect(grantsIn(plan).some((node) => node['Node Type'] === 'Seq Scan')).toBe(false);
  });
});
