import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SynchronisedClock } from '#lib/clock/clock';
import { createLogger } from '#lib/observability/logger';
import { Outbound } from '#lib/outbound/outbound';
import { PostgresAuditLog } from '../audit/postgres-audit-log.js';
import type { CrashPoint } from '../database/crash-point.js';
import { AdminFixture } from '../admin/admin-fixture.js';
import { gatewayConfig } from '../machine-clients/gateway-config.js';
import { DeliverWebhook } from './deliver-webhook.js';
import { PostgresWebhookStore } from './postgres-webhook-store.js';
import { newWebhookSecret, WebhookReceiver } from './webhook-receiver-fixture.js';

let vault: AdminFixture;
let receiver: WebhookReceiver;
const stopping: (() => Promise<void>)[] = [];
const secret = newWebhookSecret('the first secret');
const events = ['grant.needs_consent', 'grant.revoked'];

beforeAll(async () => {
  vault = await AdminFixture.start();
});
afterAll(() => vault.stop());

beforeEach(async () => {
  receiver = await receiverOf('told');
});
afterEach(async () => {
  for (const stop of stopping.splice(0)) await stop();
  const { body } = await ask('GET', '/admin/v1/webhooks');
  for (const { slug } of body.items) await ask('DELETE', `/admin/v1/webhooks/${slug}`);
});

const ask: AdminFixture['ask'] = (...given) => vault.ask(...given);

async function receiverOf(slug: string, more: object = {}): Promise<WebhookReceiver> {
  const one = await WebhookReceiver.start();
  stopping.push(one.stop);
  const body = { url: one.url, events, secret, ...more };
  const { status, text } = await ask('PUT', `/admin/v1/webhooks/${slug}`, { body });
  if (status !== 201) throw new Error(text);
  return one;
}

/** Something happens to a grant. */
async function happen(type: 'grant.needs_consent' | 'grant.recovered' = 'grant.needs_consent') {
  const store = new PostgresWebhookStore(vault.database);
  const data = { grant_id: 'g1', issuer: 'corporate', subject: 'alice' };
  await vault.database.transaction((tx) => store.add(tx, { type, data }));
}

async function deliveries(slug = 'told') {
  const { body } = await ask('GET', `/admin/v1/webhooks/${slug}/deliveries`);
  return body.items as Record<string, unknown>[];
}

/** Another process on the same database, which may die at a crash point. */
function replica(crashPoint: CrashPoint): DeliverWebhook {
  const { database } = vault;
  const outbound = new Outbound({ mode: 'development', allow: [] });
  stopping.push(() => outbound.close());
  const destination = { write: () => undefined };
  return new DeliverWebhook({
    ...{ database, outbound, crashPoint },
    store: new PostgresWebhookStore(database),
    registry: vault.registry,
    disable: { gone: () => Promise.resolve() },
    audit: new PostgresAuditLog(),
    clock: new SynchronisedClock(),
    logger: createLogger({ app: 'vault', level: 'silent', destination }),
  });
}

/** Time passes: whatever waits is due. */
async function timePasses(): Promise<void> {
  await vault.database.query(
    `UPDATE webhook_delivery SET next_attempt_at = now() WHERE state = 'pending'`,
  );
}

describe('a webhook as a resource', () => {
  it('is read back without its secret, exported by reference and applied again', async () => {
    const { body, text } = await ask('GET', '/admin/v1/webhooks/told');
    expect(body).toMatchObject({ slug: 'told', events, enabled: true, status: 'ready' });
    expect(text).not.toContain(secret);
    const exported = await ask('GET', '/admin/v1/export');
    expect(exported.text).toContain('env: WEBHOOKS_TOLD_SECRET');
    const headers = { 'content-type': 'application/yaml' };
    const again = await ask('POST', '/admin/v1/apply', { body: exported.text, headers });
    expect(again.body.results).toMatchObject([{ slug: 'told', action: 'unchanged' }]);
  });

  it.each([
    ['/events', { events: ['grant.made'] }],
    ['/events', { events: [] }],
    ['/secret', { secret: 'whsec_c2hvcnQ=' }],
    ['/secret', { secret: 'not base64 at all, although long enough for one' }],
    ['/url', { url: 'http://169.254.169.254/' }],
    ['/url', { url: 'ftp://hooks.example.com/' }],
    ['/name', { name: 'x' }],
  ])('is refused with a pointer to %s for %j', async (pointer, wrong) => {
    const body = { url: receiver.url, events, secret, ...wrong };
    const refused = await ask('PUT', '/admin/v1/webhooks/other', { body });
    expect(refused.status).toBe(422);
    expect(refused.body.errors[0].pointer.startsWith(pointer)).toBe(true);
  });

  it('without a secret is a draft', async () => {
    const body = { url: receiver.url, events };
    const made = await ask('PUT', '/admin/v1/webhooks/draft', { body });
    expect(made.body).toMatchObject({ status: 'draft', missing: ['secret'] });
  });

  it('is nothing that gateways are told of', () => {
    const gateway = { slug: 'gateway', kind: 'gateway', upstreams: '*' } as const;
    const told = JSON.stringify(
      gatewayConfig(vault.registry.current(), { ...gateway, audiences: [] }, vault.origin),
    );
    expect(told).not.toContain(receiver.url);
    expect(Object.keys(JSON.parse(told) as object)).not.toContain('webhooks');
  });

  it('takes its deliveries with it', async () => {
    receiver.script.push(500);
    await happen();
    expect((await ask('DELETE', '/admin/v1/webhooks/told')).status).toBe(204);
    expect(await vault.database.query('SELECT 1 FROM webhook_delivery')).toEqual([]);
  });
});

describe('a delivery', () => {
  it('arrives signed, once, with what happened, when and to whom', async () => {
    await happen();
    await happen('grant.recovered');
    await expect.poll(async () => (await deliveries())[0]?.['state'], slow).toBe('delivered');
    expect(receiver.received).toHaveLength(1);
    expect(() => receiver.verified(0, secret)).not.toThrow();
    const message = receiver.verified(0, secret);
    expect(message).toMatchObject({ type: 'grant.needs_consent', data: { subject: 'alice' } });
    expect(Date.now() - Date.parse(String(message['timestamp']))).toBeLessThan(60_000);
    const [entry] = await deliveries();
    expect(entry).toMatchObject({ messageId: receiver.ids[0], attempts: 1, lastStatus: 204 });
  });

  it('is signed by both live secrets while they are rotated', async () => {
    const next = newWebhookSecret('the second secret');
    await ask('PATCH', '/admin/v1/webhooks/told', { body: { secret: [next, secret] } });
    await happen();
    await expect.poll(() => receiver.received.length, slow).toBe(1);
    for (const one of [secret, next]) expect(receiver.verified(0, one)).toBeDefined();
    expect(() => receiver.verified(0, newWebhookSecret('another'))).toThrow();
  });

  it('rolled back with what happened never leaves', async () => {
    const store = new PostgresWebhookStore(vault.database);
    const broken = vault.database.transaction(async (tx) => {
      await store.add(tx, { type: 'grant.revoked', data: {} });
      throw new Error('rolled back');
    });
    await expect(broken).rejects.toThrow('rolled back');
    expect(await deliveries()).toEqual([]);
  });

  it('is repeated after a 500 and a redirect under the same id, the redirect not followed', async () => {
    const elsewhere = await receiverOf('elsewhere', { events: ['grant.recovered'] });
    receiver.script.push(500, { status: 307, headers: { location: elsewhere.url } });
    await happen();
    for (const [attempts, lastStatus] of [
      [1, 500],
      [2, 307],
      [3, 204],
    ]) {
      const ended = async () => (await deliveries())[0]?.['attempts'];
      await expect.poll(ended, slow).toBe(attempts);
      expect((await deliveries())[0]).toMatchObject({ lastStatus });
      await timePasses();
    }
    expect(new Set(receiver.ids).size).toBe(1);
    expect(elsewhere.received).toEqual([]);
    expect((await deliveries())[0]).toMatchObject({ state: 'delivered' });
  });

  it('waits as long as Retry-After says', async () => {
    receiver.script.push({ status: 503, headers: { 'retry-after': '7200' } });
    await happen();
    await expect.poll(async () => (await deliveries())[0]?.['attempts'], slow).toBe(1);
    const [entry] = await deliveries();
    const wait = (Date.parse(String(entry?.['nextAttemptAt'])) - Date.now()) / 1000;
    expect(wait).toBeGreaterThan(7_100);
    expect(wait).toBeLessThan(8_000);
  });

  it('is given up after the last attempt of the schedule, which is audited', async () => {
    receiver.script.push(500);
    await happen();
    await vault.database.query('UPDATE webhook_delivery SET attempts = 9');
    await expect.poll(async () => (await deliveries())[0]?.['state'], slow).toBe('failed');
    const { body } = await ask('GET', '/admin/v1/audit-events?action=webhook.undelivered');
    expect(body.items[0].detail).toMatchObject({ attempts: 10 });
  });

  it('to a receiver that hangs holds up no other endpoint', async () => {
    const quick = await receiverOf('quick');
    receiver.script.push(...Array.from({ length: 20 }, () => 'hang' as const));
    for (let n = 0; n < 8; n += 1) await happen();
    await expect.poll(() => quick.received.length, slow).toBe(8);
    expect(receiver.received.length).toBeLessThanOrEqual(4);
  });

  it('410 disables the endpoint, says why, and ends what it was still owed', async () => {
    receiver.script.push(500, 410);
    await happen();
    await expect.poll(() => receiver.received.length, slow).toBe(1);
    await happen();
    const state = async () => (await ask('GET', '/admin/v1/webhooks/told')).body;
    await expect.poll(async () => (await state()).enabled, slow).toBe(false);
    expect(await state()).toMatchObject({ status: 'failing' });
    expect((await state()).failure).toContain('410');
    expect((await deliveries()).map((one) => one['state'])).toEqual(['failed', 'failed']);
    await happen();
    expect(await deliveries()).toHaveLength(2);
    const { body } = await ask('PATCH', '/admin/v1/webhooks/told', { body: { enabled: true } });
    expect(body).toMatchObject({ status: 'ready', enabled: true });
    expect(body.failure).toBeUndefined();
  });

  it('after a crash between sending and storing is sent again, under the same id', async () => {
    const store = new PostgresWebhookStore(vault.database);
    await ask('PATCH', '/admin/v1/webhooks/told', { body: { enabled: false } });
    const { id } = (await ask('GET', '/admin/v1/webhooks/told')).body;
    const crashed = await store.addTest(id, {});
    const dying = replica((name) => {
      throw new Error(`died at ${name}`);
    });
    await expect(dying.attempt(crashed, {})).rejects.toThrow('died at webhook-after-send');
    expect(receiver.received).toHaveLength(1);
    // Until its lease is over nobody repeats it.
    await ask('PATCH', '/admin/v1/webhooks/told', { body: { enabled: true } });
    expect(await store.claim(new Map([[id, 5]]))).toEqual([]);
    await timePasses();
    await expect.poll(async () => (await deliveries())[0]?.['state'], slow).toBe('delivered');
    const messageId = `msg_${crashed.id.replaceAll('-', '')}`;
    expect(receiver.ids).toEqual([messageId, messageId]);
    // Should it live after all, its answer no longer counts.
    const late = await vault.database.transaction((tx) =>
      store.finish(tx, crashed, { state: 'failed' }),
    );
    expect(late).toBe(false);
  });

  it('two replicas never lease the same delivery', async () => {
    const store = new PostgresWebhookStore(vault.database);
    // An endpoint that the worker leaves alone.
    const { id } = (await ask('PATCH', '/admin/v1/webhooks/told', { body: { enabled: false } }))
      .body;
    await vault.database.query(
      `INSERT INTO webhook_delivery (webhook_id, type, payload, next_attempt_at)
       SELECT $1, 'grant.revoked', '{}', now() FROM generate_series(1, 40)`,
      [id],
    );
    const claim = () => store.claim(new Map([[id as string, 7]]));
    const ids = (await Promise.all([claim(), claim(), claim(), claim()]))
      .flat()
      .map((one) => one.id);
    expect(ids).toHaveLength(28);
    expect(new Set(ids).size).toBe(28);
  });
});

describe('an administrator', () => {
  it('tests an endpoint at once, even a disabled one, and sees what came of it', async () => {
    await ask('PATCH', '/admin/v1/webhooks/told', { body: { enabled: false } });
    const good = await ask('POST', '/admin/v1/webhooks/told/test');
    expect(good.body).toMatchObject({ state: 'delivered', lastStatus: 204, type: 'webhook.test' });
    expect(receiver.verified(0, secret)).toMatchObject({ data: { webhook: 'told' } });
    receiver.script.push(503);
    const bad = await ask('POST', '/admin/v1/webhooks/told/test');
    expect(bad.body).toMatchObject({ state: 'failed', lastStatus: 503, nextAttemptAt: null });
  });

  it('sends a delivery once more under its old id', async () => {
    await happen();
    await expect.poll(async () => (await deliveries())[0]?.['state'], slow).toBe('delivered');
    const [entry] = await deliveries();
    const path = `/admin/v1/webhooks/told/deliveries/${String(entry?.['id'])}/redeliver`;
    expect((await ask('POST', path)).status).toBe(202);
    await expect.poll(() => receiver.received.length, slow).toBe(2);
    expect(new Set(receiver.ids).size).toBe(1);
  });

  it('lists deliveries page by page and by state, and 404 for what is not there', async () => {
    for (let n = 0; n < 3; n += 1) await happen();
    const list = '/admin/v1/webhooks/told/deliveries';
    const first = await ask('GET', `${list}?limit=2`);
    const second = await ask('GET', `${list}?limit=2&cursor=${first.body.nextCursor}`);
    expect([first.body.items.length, second.body.items.length]).toEqual([2, 1]);
    expect((await ask('GET', `${list}?state=failed`)).body.items).toEqual([]);
    expect((await ask('GET', '/admin/v1/webhooks/none/deliveries')).status).toBe(404);
    for (const id of ['nonsense', '00000000-0000-4000-8000-000000000000'])
      expect((await ask('POST', `${list}/${id}/redeliver`)).status).toBe(404);
  });
});

it('what is over is forgotten after its time, and what waited too long has failed', async () => {
  const { id } = (await ask('GET', '/admin/v1/webhooks/told')).body;
  await ask('PATCH', '/admin/v1/webhooks/told', { body: { enabled: false } });
  for (const [state, days, pending] of [
    ['delivered', 8, false],
    ['delivered', 6, false],
    ['failed', 29, false],
    ['failed', 31, false],
    ['pending', 6, true],
  ] as const)
    await vault.database.query(
      `INSERT INTO webhook_delivery (webhook_id, type, payload, state, queued_at, ended_at)
       VALUES ($1, 'grant.revoked', '{}', $2, now() - make_interval(days => $3),
               CASE WHEN $4 THEN NULL ELSE now() - make_interval(days => $3) END)`,
      [id, state, days, pending],
    );
  await new PostgresWebhookStore(vault.database).prune();
  const states = (await deliveries()).map((one) => one['state']);
  expect(states).toEqual(['failed', 'failed', 'delivered']);
});

const slow = { timeout: 10_000 };
