import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminFixture } from './admin-fixture.js';

let vault: AdminFixture;
let grantId: string;
const ask: AdminFixture['ask'] = (...given) => vault.ask(...given);

beforeAll(async () => {
  vault = await AdminFixture.start();
  await vault.registerAll();
  const idOf = async (path: string) => (await ask('GET', `/admin/v1/${path}`)).body.id as string;
  const issuerId = await idOf('issuers/corporate');
  const upstreamId = await idOf('upstreams/snowdemo');
  const clientId = await idOf('oauth-clients/snow');
  const insert = `INSERT INTO user_grant (issuer_id, subject, oauth_client_id, partition, status, status_reason,
       requested_scopes, granted_scopes, upstream_subject, upstream_account, refresh_token)
     VALUES ($1, $2, $3, $4, $5, $6, '{read}', '{read}', 'up-1', 'Alice', '\\x00') RETURNING id`;
  for (const [subject, status, reason] of [
    ['alice', 'active', null],
    ['bob', 'needs_consent', 'The provider ended it.'],
  ] as const) {
    const values = [issuerId, subject, clientId, upstreamId, status, reason];
    const [row] = await vault.database.query<{ id: string }>(insert, values);
    if (subject === 'bob') grantId = row!.id;
  }
  await vault.database.query(
    `INSERT INTO client_consent (issuer_id, subject, application, consumer, upstream_id, scopes, expires_at)
     VALUES ($1, 'alice', 'tour', 'gateway', $2, '{read}', now() + interval '1 day')`,
    [issuerId, upstreamId],
  );
});
afterAll(() => vault.stop());

describe('grants', () => {
  it.each([
    ['', ['alice', 'bob']],
    ['issuer=corporate&status=active', ['alice']],
    ['issuer=nobody', []],
    ['subject=bob', ['bob']],
    ['oauthClient=snow', ['alice', 'bob']],
    ['upstream=snowdemo&application=tour', ['alice']],
    ['upstream=open', []],
  ])('are listed by ?%s', async (query, subjects) => {
    const { body } = await ask('GET', `/admin/v1/grants?${query}`);
    expect(body.items.map((item: { subject: string }) => item.subject).sort()).toEqual(subjects);
  });

  it('go page by page, with a cursor that is good for the same filters only', async () => {
    const first = await ask('GET', '/admin/v1/grants?limit=1');
    const { nextCursor } = first.body;
    const second = await ask('GET', `/admin/v1/grants?limit=1&cursor=${nextCursor}`);
    expect(second.body.items).toHaveLength(1);
    expect(second.body.nextCursor).toBeNull();
    const misused = await ask('GET', `/admin/v1/grants?status=active&cursor=${nextCursor}`);
    expect(misused.status).toBe(400);
  });

  it('say why one is broken and since when', async () => {
    const { body } = await ask('GET', `/admin/v1/grants/${grantId}`);
    expect(body).toMatchObject({
      issuer: 'corporate',
      oauthClient: 'snow',
      upstream: 'snowdemo',
      status: 'needs_consent',
      reason: 'The provider ended it.',
      account: { subject: 'up-1', name: 'Alice' },
    });
    expect(Date.parse(body.since)).toBeGreaterThan(0);
  });

  it('are revoked by DELETE, which says what was achieved', async () => {
    const { status, body } = await ask('DELETE', `/admin/v1/grants/${grantId}`);
    expect([status, body.atProvider]).toEqual([200, 'revoked']);
  });

  it.each(['nothing', '00000000-0000-4000-8000-000000000000'])('answer 404 for %s', async (id) => {
    expect((await ask('GET', `/admin/v1/grants/${id}`)).status).toBe(404);
  });

  it('keep what they stand on from being deleted', async () => {
    await ask('DELETE', '/admin/v1/applications/tour');
    for (const path of ['issuers/corporate', 'upstreams/snowdemo']) {
      const refused = await ask('DELETE', `/admin/v1/${path}`);
      expect([refused.status, refused.body.dependents]).toEqual([409, ['2 grants']]);
    }
  });

  it('row 10, registry takeover: lose their consents when the upstream moves', async () => {
    const body = { url: 'http://127.0.0.1:4499/mcp' };
    const told = await ask('PATCH', '/admin/v1/upstreams/snowdemo?dryRun=true', { body });
    expect(told.body.effects).toMatchObject([{ kind: 'void-consents', count: 1 }]);
    await ask('PATCH', '/admin/v1/upstreams/snowdemo', { body });
    expect(await vault.database.query('SELECT 1 FROM client_consent')).toEqual([]);
  });
});

describe('audit events', () => {
  it('are listed newest first and filtered by actor, action and time', async () => {
    const count = async (query: string) =>
      (await ask('GET', `/admin/v1/audit-events?${query}`)).body.items.length as number;
    expect(await count('action=registry.created')).toBe(5);
    expect(await count('actor=bootstrap-token&action=registry.created&limit=2')).toBe(2);
    expect(await count('actor=nobody')).toBe(0);
    expect(await count('to=2020-01-01T00:00:00Z')).toBe(0);
    const { body } = await ask('GET', '/admin/v1/audit-events?limit=3');
    const ids = body.items.map((item: { id: string }) => Number(item.id));
    expect(ids).toEqual([...ids].sort((a, b) => b - a));
    const one = await ask('GET', `/admin/v1/audit-events/${ids[0]}`);
    expect(one.body.id).toBe(String(ids[0]));
  });

  it.each(['0', 'x', '99999999'])('answer 404 for %s', async (id) => {
    expect((await ask('GET', `/admin/v1/audit-events/${id}`)).status).toBe(404);
  });

  it('cannot be written', async () => {
    expect((await ask('POST', '/admin/v1/audit-events', { body: {} })).status).toBe(404);
    expect((await ask('DELETE', '/admin/v1/audit-events/1')).status).toBe(404);
    expect((await ask('POST', '/admin/v1/grants', { body: {} })).status).toBe(404);
  });

  it('refuse a time that is none', async () => {
    expect((await ask('GET', '/admin/v1/audit-events?from=yesterday')).status).toBe(400);
  });
});
