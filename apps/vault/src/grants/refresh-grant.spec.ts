import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  altered,
  dropAfterWork,
  dropBeforeWork,
  garbage,
  gzipBomb,
  html,
  slow,
  status,
  tooManyRequests,
} from '#lib/testing/scripted-answer';
import { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import { queryDatabase } from '#lib/testing/postgres-query';
import type { AccessTokenResult } from './access-token-for.js';
import { GrantsFixture } from './grants-fixture.js';
import type { GrantsReplica } from './grants-replica-fixture.js';

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
const overlaps = () => fixture.server.families.all.reduce((sum, f) => sum + f.overlaps, 0);
const sha256 = (token: string) => createHash('sha256').update(token).digest();

/** As Postgres does with the sessions of a process that died. */
async function killLocks(): Promise<void> {
  await queryDatabase(
    fixture.fresh.url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'symbolon-vault-locks' AND datname = current_database()`,
  );
}

function tokenOf(result: AccessTokenResult): string {
  if (!result.ok) throw new Error(`no token: ${result.because}`);
  return result.token.reveal();
}

describe('R2, one refresh in flight per grant', () => {
  test('40 callers at each of two replicas and one expired grant: one refresh', async () => {
    const grant = await fixture.grantTo('alice', one);
    await fixture.expire(grant.id);
    fixture.server.script('token', slow(300));
    const callers = [one, two].flatMap((replica) =>
      Array.from({ length: 40 }, () => fixture.ask('alice', replica)),
    );
    const results = await Promise.all(callers);
    expect(new Set(results.map(tokenOf)).size).toBe(1);
    expect(refreshes()).toBe(1);
    expect(overlaps()).toBe(0);
    expect(await fixture.audited('grant.refreshed')).toBe(1);
  });

  test('strict rotation survives many rounds of expiry at both replicas', async () => {
    const grant = await fixture.grantTo('alice', one);
    for (let round = 0; round < 10; round += 1) {
      await fixture.expire(grant.id);
      const asked = [one, two, one, two].map((replica) => fixture.ask('alice', replica));
      const tokens = (await Promise.all(asked)).map(tokenOf);
      expect(new Set(tokens).size).toBe(1);
    }
    expect(refreshes()).toBe(10);
    expect(overlaps()).toBe(0);
  });

  test('the due scans of two replicas refresh each grant once, before anybody asks', async () => {
    const people = Array.from({ length: 20 }, (_, i) => `person-${i}`);
    const grants = await Promise.all(people.map((person) => fixture.grantTo(person, one)));
    for (const { id } of grants) await fixture.expire(id);
    one.dueScan.start();
    two.dueScan.start();
    await expect.poll(refreshes, { timeout: 10_000 }).toBe(20);
    await sleep(300);
    expect(refreshes()).toBe(20);
    expect(overlaps()).toBe(0);
    for (const person of people) expect((await fixture.ask(person, two)).ok).toBe(true);
    expect(refreshes()).toBe(20);
  });

  test('a replica that loses its locks takes them again, and nobody else begins meanwhile', async () => {
    const grant = await fixture.grantTo('alice', one);
    await fixture.expire(grant.id);
    fixture.server.script('token', slow(1_600));
    const asked = fixture.ask('alice', one);
    await expect.poll(refreshes).toBe(1);
    await killLocks();
    const others = Array.from({ length: 5 }, () => fixture.ask('alice', two));
    const tokens = (await Promise.all([asked, ...others])).map(tokenOf);
    expect(new Set(tokens).size).toBe(1);
    expect(refreshes()).toBe(1);
  });

  test('a replica whose lock connection is lost does not end the grant on invalid_grant', async () => {
    const grant = await fixture.grantTo('alice', one);
    await fixture.expire(grant.id);
    fixture.server.script('token', async (response) => {
      await killLocks();
      await sleep(100);
      await status(400, { error: 'invalid_grant' })(response, () => Promise.reject(new Error()));
    });
    const result = await fixture.ask('alice', one);
    expect(result).toMatchObject({ ok: false, because: 'unavailable' });
    expect((await fixture.row(grant.id))['status']).toBe('active');
    await sleep(1_300);
    expect((await fixture.ask('alice', two)).ok).toBe(true);
  });
});

describe('a refresh is finished whoever has gone', () => {
  test('it commits although nobody waits for it any more, and a shutdown waits', async () => {
    const grant = await fixture.grantTo('alice', one);
    await fixture.expire(grant.id);
    fixture.server.script('token', slow(500));
    void fixture.ask('alice', one);
    await expect.poll(() => one.refreshing.inFlight).toBe(1);
    await one.refreshing.drain();
    expect(await fixture.audited('grant.refreshed')).toBe(1);
    expect((await fixture.row(grant.id))['status']).toBe('active');
  });

  test('R11, a database that goes away for a moment loses no rotated token', async () => {
    const grant = await fixture.grantTo('alice', one);
    await fixture.expire(grant.id);
    fixture.server.script('token', async (response, ordinary) => {
      await queryDatabase(fixture.fresh.url, `ALTER TABLE user_grant RENAME TO user_grant_away`);
      setTimeout(
        () =>
          void queryDatabase(fixture.fresh.url, `ALTER TABLE user_grant_away RENAME TO user_grant`),
        800,
      );
      await slow(0)(response, ordinary);
    });
    expect((await fixture.ask('alice', one)).ok).toBe(true);
    expect(refreshes()).toBe(1);
  });
});

describe('after a crash', () => {
  test('the old refresh token is tried once more: with a grace nothing is lost', async () => {
    fixture.server.families.rotation = { kind: 'grace', graceMs: 5_000 };
    const crashing = await fixture.replica({ crashPoint: hangAt('refresh-after-token-answer') });
    const grant = await fixture.grantTo('alice', one);
    await fixture.expire(grant.id);
    void fixture.ask('alice', crashing).catch(() => undefined);
    await expect.poll(refreshes).toBe(1);
    await killLocks();
    expect((await fixture.row(grant.id))['status']).toBe('refreshing');
    two.dueScan.start();
    await expect.poll(refreshes, { timeout: 5_000 }).toBe(2);
    expect((await fixture.ask('alice', two)).ok).toBe(true);
  });

  test('with strict rotation the grant needs the person, and only after the old attempt had its time', async () => {
    const grant = await fixture.grantTo('alice', one);
    await fixture.expire(grant.id);
    await leaveUnfinished(grant.id, 11);
    fixture.server.always('token', status(400, { error: 'invalid_grant' }));
    const started = performance.now();
    const result = await fixture.ask('alice', two);
    expect(result).toEqual({ ok: false, because: 'person-needed', purpose: 'reconnect' });
    expect(performance.now() - started).toBeGreaterThan(700);
    expect(await fixture.audited('grant.ended')).toBe(1);
  });

  test('a holder cut off that comes back with the answer wins over invalid_grant', async () => {
    const grant = await fixture.grantTo('alice', one);
    await fixture.expire(grant.id);
    await leaveUnfinished(grant.id, 9);
    fixture.server.always('token', status(400, { error: 'invalid_grant' }));
    const asked = fixture.ask('alice', two);
    await expect.poll(refreshes).toBe(1);
    fixture.server.always('token', undefined);
    // The other holder stores its tokens at last: as its compare-and-set would.
    await fixture.database.query(
      `UPDATE user_grant SET token_version = token_version + 1, status = 'active' WHERE id = $1`,
      [grant.id],
    );
    await fixture.database.query(
      `UPDATE access_token SET issued_at = now(), expires_at = now() + interval '2 minutes'`,
    );
    expect((await asked).ok).toBe(true);
    expect(await fixture.audited('grant.ended')).toBe(0);
  });

  async function leaveUnfinished(id: string, secondsAgo: number): Promise<void> {
    await fixture.database.query(
      `UPDATE user_grant SET status = 'refreshing', refresh_attempt_id = gen_random_uuid(),
              refresh_started_at = now() - make_interval(secs => $2),
              refresh_token_version = token_version WHERE id = $1`,
      [id, secondsAgo],
    );
  }

  /** As good as dead: throws away what it has and never stores anything. */
  function hangAt(chosen: string) {
    return (name: string) => {
      if (name === chosen) throw new Error('this process has died');
    };
  }
});

describe('row 39, misjudged errors: only invalid_grant on the unchanged version ends a grant', () => {
  test.each([
    ['429', tooManyRequests()],
    ['429 with Retry-After', tooManyRequests(7)],
    ['503', status(503, { error: 'temporarily_unavailable' })],
    ['503 that says invalid_grant', status(503, { error: 'invalid_grant' })],
    ['200 HTML', html],
    ['garbage', garbage],
    ['invalid_client', status(401, { error: 'invalid_client' })],
    ['unauthorized_client', status(400, { error: 'unauthorized_client' })],
    ['200 without access_token', altered({ access_token: undefined })],
    ['a token with CRLF', altered({ access_token: 'a\r\nSet-Cookie: b' })],
    ['token_type mac', altered({ token_type: 'mac' })],
    ['a gzip bomb', gzipBomb],
    ['a reset before the answer', dropBeforeWork],
  ])('%s: the grant survives and works again', async (_name, answer) => {
    fixture.server.families.rotation = { kind: 'none' };
    const grant = await fixture.grantTo('alice', one);
    await fixture.expire(grant.id);
    fixture.server.script('token', answer);
    const result = await fixture.ask('alice', one);
    expect(result).toMatchObject({ ok: false, because: 'unavailable' });
    const row = await fixture.row(grant.id);
    expect(row).toMatchObject({ status: 'active', refresh_failures: 1 });
    await fixture.database.query('UPDATE user_grant SET refresh_paused_until = NULL');
    expect((await fixture.ask('alice', one)).ok).toBe(true);
    expect((await fixture.row(grant.id))['refresh_failures']).toBe(0);
  });

  test('Retry-After is obeyed, and nobody asks the server in the meantime', async () => {
    const grant = await fixture.grantTo('alice', one);
    await fixture.expire(grant.id);
    fixture.server.script('token', tooManyRequests(30));
    for (const replica of [one, two, one]) {
      const result = await fixture.ask('alice', replica);
      expect(result).toMatchObject({ ok: false, because: 'unavailable' });
      expect(
        result.ok || result.because !== 'unavailable' || result.retryAfterSeconds,
      ).toBeGreaterThan(25);
    }
    expect(refreshes()).toBe(1);
  });

  test.each([
    ['-1', -1],
    ['"3600"', '3600'],
    ['1e18', 1e18],
    ['null', null],
  ])('expires_in %s does not lose the rotated token', async (_name, expiresIn) => {
    const grant = await fixture.grantTo('alice', one);
    await fixture.expire(grant.id);
    fixture.server.script('token', altered({ expires_in: expiresIn }));
    expect((await fixture.ask('alice', one)).ok).toBe(true);
    await fixture.expire(grant.id);
    expect((await fixture.ask('alice', one)).ok).toBe(true);
  });

  test('a refresh answer without refresh token keeps the old one (RFC 6749 §6)', async () => {
    fixture.server.families.rotation = { kind: 'none' };
    const grant = await fixture.grantTo('alice', one);
    for (let round = 0; round < 3; round += 1) {
      await fixture.expire(grant.id);
      expect((await fixture.ask('alice', one)).ok).toBe(true);
    }
  });

  test('invalid_grant ends it: the person is asked, the server is not asked again', async () => {
    const grant = await fixture.grantTo('alice', one);
    await fixture.expire(grant.id);
    fixture.server.revokeAll();
    for (const replica of [one, two])
      expect(await fixture.ask('alice', replica)).toEqual({
        ok: false,
        because: 'person-needed',
        purpose: 'reconnect',
      });
    expect(refreshes()).toBe(1);
    expect(await fixture.row(grant.id)).toMatchObject({
      status: 'needs_consent',
      status_reason: 'invalid_grant',
    });
  });

  test('an answer that was lost on the way is asked for again within the grace of the server', async () => {
    fixture.server.families.rotation = { kind: 'grace', graceMs: 5_000 };
    const grant = await fixture.grantTo('alice', one);
    await fixture.expire(grant.id);
    fixture.server.script('token', dropAfterWork);
    expect((await fixture.ask('alice', one)).ok).toBe(false);
    one.dueScan.start();
    await expect.poll(() => fixture.audited('grant.refreshed'), { timeout: 5_000 }).toBe(1);
  });
});

describe('R4, an outage of the provider', () => {
  test('a token that still lives is served, even with less left than we hand out otherwise', async () => {
    const grant = await fixture.grantTo('alice', one);
    await fixture.database.query(
      `UPDATE access_token SET issued_at = now() - interval '110 seconds', expires_at = now() + interval '9 seconds'`,
    );
    fixture.server.always('token', status(503));
    for (let call = 0; call < 5; call += 1) expect((await fixture.ask('alice', one)).ok).toBe(true);
    expect(refreshes()).toBe(1);
    expect((await fixture.row(grant.id))['status']).toBe('active');
  });

  test('after its end: unavailable with the time to wait, and nobody is asked to consent', async () => {
    const grant = await fixture.grantTo('alice', one);
    await fixture.expire(grant.id);
    fixture.server.always('token', status(503));
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, i) => fixture.ask('alice', i % 2 ? one : two)),
    );
    for (const result of results)
      expect(result).toMatchObject({ ok: false, because: 'unavailable' });
    expect(refreshes()).toBe(1);
  });

  test('R9, a server that hangs does not slow the tokens of others', async () => {
    const hung = Array.from({ length: 20 }, (_, i) => `hung-${i}`);
    for (const person of hung) await fixture.expire((await fixture.grantTo(person, one)).id);
    await fixture.grantTo('bob', one);
    let goOn!: () => void;
    const over = new Promise<void>((resolve) => (goOn = resolve));
    fixture.server.always('token', (...exchange) => over.then(() => slow(0)(...exchange)));
    let answered = 0;
    const waiting = hung.map((person) => fixture.ask(person, one).then(() => (answered += 1)));
    await expect.poll(refreshes).toBeGreaterThanOrEqual(10);
    for (let call = 0; call < 50; call += 1) expect((await fixture.ask('bob', one)).ok).toBe(true);
    // Bob waited for none of them.
    expect(answered).toBe(0);
    goOn();
    await Promise.all(waiting);
  });

  test('R9, a server that hangs holds up a token that still lives for a second at most, then not at all', async () => {
    await fixture.grantTo('alice', one);
    await fixture.database.query(
      `UPDATE access_token SET issued_at = now() - interval '110 seconds', expires_at = now() + interval '9 seconds'`,
    );
    fixture.server.always('token', slow(3_000));
    const timed = async () => {
      const started = performance.now();
      expect((await fixture.ask('alice', one)).ok).toBe(true);
      return performance.now() - started;
    };
    expect(await timed()).toBeLessThan(2_000);
    expect(await timed()).toBeLessThan(700);
    expect(refreshes()).toBe(1);
  });

  test('R7, no more than ten requests at once to one authorization server', async () => {
    const people = Array.from({ length: 30 }, (_, i) => `person-${i}`);
    for (const person of people) await fixture.expire((await fixture.grantTo(person, one)).id);
    let now = 0;
    let most = 0;
    fixture.server.always('token', async (response, ordinary) => {
      now += 1;
      most = Math.max(most, now);
      await slow(50)(response, ordinary);
      now -= 1;
    });
    await Promise.all(people.map((person) => fixture.ask(person, one)));
    expect(most).toBeLessThanOrEqual(10);
  });
});

describe('a token that the upstream rejects', () => {
  test('while it is the current one: one forced refresh, and its result for everybody who asks', async () => {
    await fixture.grantTo('alice', one);
    const first = tokenOf(await fixture.ask('alice', one));
    const asked = Array.from({ length: 20 }, (_, i) =>
      fixture.ask('alice', i % 2 ? one : two, sha256(first)),
    );
    const tokens = new Set((await Promise.all(asked)).map(tokenOf));
    expect(tokens.size).toBe(1);
    expect(tokens.has(first)).toBe(false);
    expect(refreshes()).toBe(1);
  });

  test('row 39, an upstream 401 loop: one forced refresh a minute, the grant lives, the person is asked hourly', async () => {
    const grant = await fixture.grantTo('alice', one);
    let token = tokenOf(await fixture.ask('alice', one));
    token = tokenOf(await fixture.ask('alice', one, sha256(token)));
    const answers = [];
    for (let call = 0; call < 5; call += 1)
      answers.push(await fixture.ask('alice', one, sha256(token)));
    expect(answers).toEqual([
      { ok: false, because: 'rejected', mayAsk: true },
      ...Array.from({ length: 4 }, () => ({ ok: false, because: 'rejected', mayAsk: false })),
    ]);
    expect(refreshes()).toBe(1);
    expect((await fixture.row(grant.id))['status']).toBe('active');
    expect(tokenOf(await fixture.ask('alice', one))).toBe(token);
  });

  test('once it is not the current one any more, the newer is handed out without a refresh', async () => {
    await fixture.grantTo('alice', one);
    expect((await fixture.ask('alice', one, sha256('an older token'))).ok).toBe(true);
    expect(refreshes()).toBe(0);
  });
});

describe('R3, revocation', () => {
  test('revoke during a refresh, 60 races: never a resurrection, never a token left alive', async () => {
    for (let race = 0; race < 60; race += 1) {
      const person = `person-${race}`;
      const grant = await fixture.grantTo(person, one);
      await fixture.expire(grant.id);
      fixture.server.script('token', slow(race % 12));
      const asked = fixture.ask(person, one);
      await sleep(race % 15);
      const report = await two.grants.revoke(
        grant.id,
        { kind: 'person', subject: person },
        'disconnected',
      );
      expect(report?.atProvider).toBe('revoked');
      await asked;
      await one.refreshing.drain();
      expect(await fixture.row(grant.id)).toMatchObject({ status: 'revoked', refresh_token: null });
      expect(await fixture.ask(person, one)).toMatchObject({
        because: 'person-needed',
        purpose: 'connect',
      });
    }
    expect(fixture.server.families.all.every((family) => family.revoked)).toBe(true);
    const [left] = await fixture.database.query('SELECT 1 FROM access_token');
    expect(left).toBeUndefined();
  });

  test('it is over here even if the provider does not answer, and the report says so', async () => {
    const grant = await fixture.grantTo('alice', one);
    fixture.server.always('revoke', status(503));
    const report = await one.grants.revoke(grant.id, { kind: 'vault' }, 'disconnected');
    expect(report).toMatchObject({ grantId: grant.id, atProvider: 'failed' });
    expect(await fixture.ask('alice', one)).toMatchObject({ purpose: 'connect' });
    const again = await one.grants.revoke(grant.id, { kind: 'vault' }, 'disconnected');
    expect(again).toMatchObject({ atProvider: 'nothing-to-revoke' });
  });

  test('suspending during a refresh stores the rotated token but does not wake the grant', async () => {
    const grant = await fixture.grantTo('alice', one);
    await fixture.expire(grant.id);
    fixture.server.script('token', slow(200));
    const asked = fixture.ask('alice', one);
    await expect.poll(refreshes).toBe(1);
    const where = { oauthClientId: fixture.ids['snowid'] ?? '' };
    await two.database.transaction((tx) => two.grants.suspend(tx, where, 'the endpoint changed'));
    expect(await asked).toMatchObject({ because: 'person-needed', purpose: 'reconnect' });
    expect(await fixture.row(grant.id)).toMatchObject({
      status: 'needs_consent',
      status_reason: 'the endpoint changed',
    });
  });
});

test('row 34, stealing a token by moving the server: a refresh that had begun goes to where its token is from', async () => {
  const elsewhere = await ScriptableAuthorizationServer.start();
  let move = (): unknown => undefined;
  const moving = await fixture.replica({
    crashPoint: (name) => void (name === 'refresh-after-intent' && move()),
  });
  await fixture.database.query(
    `WITH moved AS (UPDATE registry_resource SET version = version + 1,
            document = document || jsonb_build_object('issuer', $1::text) WHERE slug = 'snowid')
     UPDATE registry_version SET version = version + 1`,
    [elsewhere.issuer],
  );
  const moved = await two.registry.refresh();
  move = () => Object.assign(moving.registry, { current: () => moved });
  const grant = await fixture.grantTo('alice', moving);
  await fixture.expire(grant.id);
  expect((await fixture.ask('alice', moving)).ok).toBe(true);
  expect(refreshes()).toBe(1);
  expect(elsewhere.count('token', 'refresh_token')).toBe(0);
  await elsewhere.stop();
});

test('row 40, log leaks: no token of the run stands in the log', async () => {
  const grant = await fixture.grantTo('alice', one);
  await fixture.expire(grant.id);
  const token = tokenOf(await fixture.ask('alice', one));
  const text = fixture.log.join('\n');
  expect(text).toContain('grant.refreshed');
  for (const secret of [token, ...fixture.server.issuedTokens]) expect(text).not.toContain(secret);
});
