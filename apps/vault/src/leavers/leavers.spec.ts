import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { canonicalDigest } from '#lib/audit-chain/canonical-digest';
import { status } from '#lib/testing/scripted-answer';
import { ExchangeFixture } from '../exchange/exchange-fixture.js';

let vault: ExchangeFixture;
let people = 0;
let person: { issuer: string; subject: string };

beforeAll(async () => {
  vault = await ExchangeFixture.start();
});
afterAll(() => vault.stop());
beforeEach(() => {
  person = { issuer: 'corporate', subject: `person-${(people += 1)}` };
});

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- each test knows the shape it asked for
  readonly body: any;
}

async function ask(method: string, path: string, sent?: unknown): Promise<Answered> {
  const answer = await vault.admin(method, path, sent);
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, body: JSON.parse(text) };
}

const end = (more: object = {}) => ask('POST', 'leavers', { ...person, ...more });
const show = (id: string) => ask('GET', `leavers/${id}`);
const exchanged = async (token: string, changes = {}) =>
  (await vault.exchange(token, changes)).body;

/** The person, connected and served. */
async function connected() {
  const made = await vault.grant(person.subject);
  await vault.consent(person.subject);
  const token = await vault.token(person.subject);
  expect((await vault.exchange(token)).status).toBe(200);
  return { ...made, token };
}

/** Rows of this person. */
function rowsIn(table: string): Promise<number> {
  return vault.count(`${table} WHERE subject = $1`, [person.subject]);
}

/** Calls of the provider's revocation endpoint that `work` caused. */
async function revocations(work: () => Promise<unknown>): Promise<number> {
  const before = vault.provider.count('revoke');
  await work();
  return vault.provider.count('revoke') - before;
}

describe('one call', () => {
  test('ends everything of a person, and its receipt says what the provider confirmed and what stays valid', async () => {
    const { grant, token } = await connected();
    await vault.consent(person.subject, { application: 'another' });
    const { status: code, body, headers } = await end({ reason: 'Contract ended.' });
    expect([code, headers.get('location')]).toEqual([
      200,
      `${vault.publicUrl}/admin/v1/leavers/${body.id}`,
    ]);
    expect(body).toMatchObject({
      ...person,
      status: 'complete',
      bar: { inForce: true, setBy: 'admin' },
      receipt: {
        ...{ ...person, reason: 'Contract ended.', leaver: body.id },
        orderedBy: { kind: 'admin', client: 'bootstrap-token' },
        requestId: expect.any(String),
        ended: { connections: 1, consents: 2, interactions: 0, sessions: 0 },
        connections: [
          {
            ...{ grantId: grant.id, oauthClient: 'snowid', upstream: 'snowdemo' },
            account: { subject: `up-${person.subject}`, name: person.subject },
            ...{ statusBefore: 'active', atProvider: 'revoked' },
            tokens: [{ token: 'refresh_token', state: 'revoked', attempts: 1 }],
            remaining: [{ token: 'access_token' }],
          },
        ],
        otherTokens: [],
        stillValid: { unlimited: false },
      },
    });
    const { stillValid, endedHereAt, connections } = body.receipt;
    expect(stillValid.latest).toBe(connections[0].remaining[0].validUntil);
    expect(Date.parse(stillValid.atGatewaysUntil) - Date.parse(endedHereAt)).toBe(5_000);
    expect(await rowsIn('client_consent')).toBe(0);
    expect(await vault.exchange(token)).toMatchObject({
      status: 400,
      body: { error: 'access_denied' },
    });
  });

  test('a person who left is refused although the issuer still signs tokens', async () => {
    const { token } = await connected();
    await end();
    for (const interaction of ['create', 'none']) {
      expect((await exchanged(token, { interaction })).error).toBe('access_denied');
    }
    expect(await rowsIn('interaction')).toBe(0);
    await expect(vault.grant(person.subject)).rejects.toThrow('has left');
    await expect(vault.consent(person.subject)).rejects.toThrow('has left');
    const somebodyElse = await vault.token('bob');
    expect((await exchanged(somebodyElse)).error).toBe('interaction_required');
  });

  test('ends what is pending, so that a link that was given opens nothing', async () => {
    const asked = await exchanged(await vault.token(person.subject));
    const { body } = await end();
    expect(body.receipt.ended).toMatchObject({ interactions: 1, connections: 0 });
    expect((await vault.interaction(asked.interaction_id)).body.status).toBe('declined');
  });

  test('waits for a consent that is on its way, and ends it', async () => {
    const { database, consents, registry } = vault.seed;
    await registry.refresh();
    const issuerId = registry.current().issuer('corporate')?.id ?? '';
    const upstreamId = registry.current().upstream('snowdemo')?.id ?? '';
    const key = {
      issuerId,
      subject: person.subject,
      application: 'slow',
      consumer: 'gateway',
      upstreamId,
    };
    let ordered: ReturnType<typeof end> | undefined;
    await database.transaction(async (tx) => {
      await consents.record(tx, key, ['read'], 3600);
      ordered = end();
      await waiting();
    });
    expect((await ordered)?.body.receipt.ended.consents).toBe(1);
    expect(await rowsIn('client_consent')).toBe(0);
  });

  test('of a person whom nobody knows bars them all the same', async () => {
    const { status: code, body } = await end();
    expect([code, body.receipt.connections]).toEqual([200, []]);
    const refused = await exchanged(await vault.token(person.subject));
    expect(refused.error).toBe('access_denied');
  });

  test('given twice is one order with one receipt', async () => {
    await connected();
    const [first, second] = [await end(), await end()];
    expect(second.body.id).toBe(first.body.id);
    expect(second.body.receipt).toEqual(first.body.receipt);
    expect(second.body.digest).toEqual(first.body.digest);
  });

  test('given by many at once is one order too', async () => {
    await connected();
    const ids = new Set<string>();
    const asked = await revocations(() =>
      Promise.all([1, 2, 3, 4, 5, 6].map(async () => ids.add((await end()).body.id))),
    );
    expect([ids.size, asked]).toEqual([1, 1]);
  });

  test('is refused for an issuer that is not there, and for what is not known', async () => {
    for (const [body, pointer] of [
      [{ ...person, issuer: 'nobody' }, '/issuer'],
      [{ issuer: 'corporate' }, '/subject'],
      [{ ...person, subject: 'a\u0000b' }, '/subject'],
      [{ ...person, everything: true }, '/everything'],
    ] as const) {
      const answer = await ask('POST', 'leavers', body);
      expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, pointer]);
    }
    expect((await show('nothing')).status).toBe(404);
  });
});

/** Until somebody stands before a lock. */
async function waiting(): Promise<void> {
  const blocked = `pg_locks WHERE locktype = 'advisory' AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  await expect.poll(() => vault.count(blocked), { timeout: 5_000 }).toBeGreaterThan(0);
}

describe('the receipt', () => {
  test('goes on while a provider fails, says until when it is asked, and is final once it has answered', async () => {
    vault.provider.always('revoke', status(503));
    await connected();
    const { status: code, body } = await end();
    expect(code).toBe(202);
    expect(body).toMatchObject({ status: 'waiting', digest: { final: false } });
    const [connection] = body.receipt.connections;
    expect(connection).toMatchObject({
      atProvider: 'pending',
      tokens: [{ state: 'pending', attempts: 1 }],
    });
    const days = (Date.parse(connection.tokens[0].retriedUntil) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(3);
    expect(days).toBeLessThan(4);
    expect(body.receipt.stillValid).toMatchObject({ unlimited: true });

    vault.provider.always('revoke', status(200));
    await vault.seed.database.query(
      `UPDATE provider_revocation SET next_attempt_at = now() WHERE state = 'pending'`,
    );
    const settled = await complete(body.id);
    expect(settled.receipt.connections[0]).toMatchObject({
      atProvider: 'revoked',
      tokens: [{ state: 'revoked', attempts: 2 }],
    });
    expect(settled.digest.final).toBe(true);
  });

  test('is known to the audit log by its digest, at a place of the chain', async () => {
    await connected();
    const { id } = (await end()).body;
    const entry = await chained(id);
    expect(entry.digest.sha256).toBe(canonicalDigest(entry.receipt));
    expect(entry.audit.records.map((record: { action: string }) => record.action)).toEqual([
      'leaver.ordered',
      'grant.revoked',
      'leaver.ended',
      'grant.revocation_completed',
      'leaver.settled',
    ]);
    const last = entry.audit.records.at(-1);
    expect(entry.audit.head.position).toBeGreaterThanOrEqual(last.position);
    const { body: record } = await ask('GET', `audit-events/${last.id}`);
    expect(record).toMatchObject({
      action: 'leaver.settled',
      target: { leaver: id, ...person },
      detail: { receiptSha256: entry.digest.sha256 },
    });
  });

  test('row 40, log leaks: holds no token, and neither does the log', async () => {
    const { accessToken } = await connected();
    const answer = await end();
    const secrets = [accessToken, ...vault.provider.issuedTokens];
    const said = [answer.text, ...vault.log].join('\n');
    expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);
  });

  test('R1, crash: what a process left half done is taken up by another', async () => {
    await connected();
    const [row] = await vault.seed.database.query<{ id: string }>(
      `INSERT INTO leaver (issuer_id, issuer, subject, source, ordered_by, ordered_at, request_id, audit_after)
       SELECT id, slug, $1, 'admin', '{"kind":"admin"}', now() - interval '1 minute', 'req_dead', 0
         FROM registry_resource WHERE collection = 'issuers' RETURNING id`,
      [person.subject],
    );
    const entry = await complete(row?.id ?? '');
    expect(entry.receipt.connections).toMatchObject([{ atProvider: 'revoked' }]);
    expect(entry.receipt.orderedBy).toEqual({ kind: 'admin' });
  });
});

async function complete(id: string) {
  for (;;) {
    const { body } = await show(id);
    if (body.status === 'complete') return body;
    await sleep(50);
  }
}

async function chained(id: string) {
  for (;;) {
    const { body } = await show(id);
    const records = body.audit.records as { position: number | null }[];
    if (records.every(({ position }) => position !== null)) return body;
    await sleep(50);
  }
}

describe('the bar', () => {
  test('is lifted by an administrator; what was ended stays ended', async () => {
    const { token } = await connected();
    const { body } = await end();
    const lifted = await ask('DELETE', `leavers/${body.id}`);
    expect(lifted.body.bar).toMatchObject({
      inForce: false,
      liftedBy: { client: 'bootstrap-token' },
    });
    expect(lifted.body.receipt).toEqual(body.receipt);
    expect((await exchanged(token)).error).toBe('interaction_required');
    await connected();
    const again = await end();
    expect(again.body.id).not.toBe(body.id);
    expect(again.body.receipt.connections).toHaveLength(1);
    expect((await ask('DELETE', `leavers/${body.id}`)).body.bar.inForce).toBe(false);
    expect((await show(again.body.id)).body.bar.inForce).toBe(true);
  });

  test('and the receipt are listed, newest first, a page at a time', async () => {
    for (const subject of ['xena', 'yuri', 'zoe']) await end({ subject });
    const subjectsOf = async (query: string) =>
      (await ask('GET', `leavers?${query}`)).body.items.map(
        (item: { subject: string }) => item.subject,
      );
    expect((await subjectsOf('issuer=corporate')).slice(0, 3)).toEqual(['zoe', 'yuri', 'xena']);
    expect(await subjectsOf('subject=yuri&barred=true&status=complete')).toEqual(['yuri']);
    expect(await subjectsOf('issuer=nobody')).toEqual([]);
    const first = await ask('GET', 'leavers?limit=2');
    expect(first.headers.get('link')).toContain('rel="next"');
    expect((await subjectsOf(`limit=2&cursor=${first.body.nextCursor}`))[0]).toBe('xena');
  });
});
