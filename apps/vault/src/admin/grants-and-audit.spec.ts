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
     VALUES ($1, $2, $3, $4, $5, $6, '{read,run}', '{read}', 'up-1', 'Alice',
             (SELECT sealed FROM registry_secret LIMIT 1)) RETURNING id`;
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
    expect(body.problem).toMatchObject({ code: 'suspended', detail: 'The provider ended it.' });
    expect(body.problem.since).toBe(body.since);
  });

  it('tell by problem why they do not work, and are found by it', async () => {
    const kinds: [string, string, string][] = [
      ['limited', 'provider_failing', `refresh_failures = 2, refresh_error = 'transient: 429 x'`],
      [
        'unregistered',
        'misconfigured',
        `refresh_failures = 1, refresh_error = 'misconfigured: 401 invalid_client'`,
      ],
      ['tokenless', 'expired', 'refresh_token = NULL'],
      ['rejected', 'rejected_by_upstream', 'rejected_at = now()'],
      ['narrow', 'scope_missing', `requested_scopes = '{read}'`],
      ['refused', 'invalid_grant', `status = 'needs_consent', status_reason = 'invalid_grant'`],
      ['moved', 'suspended', `status = 'needs_consent', status_reason = 'It was changed.'`],
    ];
    for (const [subject, , change] of kinds) {
      await vault.database.query(
        `INSERT INTO user_grant (issuer_id, subject, oauth_client_id, partition, status, requested_scopes,
             granted_scopes, refresh_token)
         SELECT issuer_id, $1, oauth_client_id, partition, 'active', requested_scopes, granted_scopes, refresh_token
           FROM user_grant WHERE subject = 'alice'`,
        [subject],
      );
      await vault.database.query(
        `UPDATE user_grant SET failing_since = now() - interval '1 hour', ${change} WHERE subject = $1`,
        [subject],
      );
    }
    const { body } = await ask('GET', '/admin/v1/grants?broken=true');
    type Item = { subject: string; problem: { code: string; fix: string; failures: number } };
    const found = new Map((body.items as Item[]).map((item) => [item.subject, item.problem]));
    for (const [subject, code] of kinds)
      expect([subject, found.get(subject)?.code]).toEqual([subject, code]);
    expect(found.get('limited')).toMatchObject({ failures: 2, fix: expect.any(String) });
    expect(found.has('alice')).toBe(false);
    const rest = await ask('GET', '/admin/v1/grants?broken=false');
    expect(rest.body.items).toMatchObject([{ subject: 'alice', problem: null }]);
    await vault.database.query('DELETE FROM user_grant WHERE subject = ANY ($1)', [
      kinds.map(([who]) => who),
    ]);
  });

  it('whose provider fails everybody show it once their token has ended', async () => {
    await vault.database.query(
      `INSERT INTO provider_circuit (oauth_client_id, failures, error, paused_until)
       SELECT id, 3, 'transient: 502 text/html', now() + interval '1 minute' FROM registry_resource WHERE slug = 'snow'`,
    );
    const { body } = await ask('GET', '/admin/v1/grants?subject=alice&broken=true');
    expect(body.items[0].problem).toMatchObject({ code: 'provider_failing', failures: 3 });
    expect(Date.parse(body.items[0].problem.nextAttemptAt)).toBeGreaterThan(Date.now());
    await vault.database.query('DELETE FROM provider_circuit');
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
