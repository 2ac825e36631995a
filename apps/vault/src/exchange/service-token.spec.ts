import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConfigSnapshot } from '#lib/contract/config-snapshot';
import { queryDatabase } from '#lib/testing/postgres-query';
import { status } from '#lib/testing/scripted-answer';
import { ExchangeFixture } from './exchange-fixture.js';

let fixture: ExchangeFixture;
beforeAll(async () => {
  fixture = await ExchangeFixture.start();
  const robotic = { type: 'client-credentials', oauthClient: 'snowid', scopes: ['reports:all'] };
  await upstream('fixed', { credential: { type: 'static', secret: 'key-of-everybody' } });
  await upstream('robotic', { credential: { ...robotic, resource: 'https://api.example.com' } });
  await upstream('shown', {
    credential: { type: 'oauth', oauthClient: 'snowid' },
    discoveryCredential: { type: 'static', secret: 'for-lists' },
    publicCredential: { type: 'none' },
  });
  await upstream('elsewhere', { credential: { type: 'static', secret: 'key-of-others' } });
  const upstreams = ['snowdemo', 'fixed', 'robotic', 'shown'];
  const publicUrl = 'https://gateway.example.com';
  await fixture.addClient('gateway', { kind: 'gateway', publicUrl, upstreams });
  await fixture.addClient('robot', { kind: 'service', upstreams });
});
afterAll(() => fixture.stop());

async function upstream(slug: string, about: Record<string, unknown>): Promise<void> {
  const url = `http://127.0.0.1:9/${slug}`;
  await fixture.put(`upstreams/${slug}`, { name: slug, type: 'http', url, ...about });
}

/** client_credentials for an upstream. */
function serviceToken(audience: string, changes: Record<string, string | undefined> = {}) {
  return fixture.exchange(undefined, {
    grant_type: 'client_credentials',
    subject_token_type: undefined,
    audience,
    ...changes,
  });
}

const asRobot = async () => ({ client_assertion: await fixture.assertion('robot') });
const records = (slug: string, purpose: string) =>
  fixture.count(
    `audit_event WHERE action = 'service-token.handed-out' AND actor->>'client' = 'gateway'
       AND target->>'upstream' = $1 AND target->>'purpose' = $2`,
    [slug, purpose],
  );
const asked = () => fixture.provider.count('token', 'client_credentials');

describe('a static credential', () => {
  test('is handed to the clients of its upstream, for five minutes, with a record, and never stored by anybody', async () => {
    const { status: code, headers, body } = await serviceToken('fixed');
    expect([code, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(body).toEqual({
      access_token: 'key-of-everybody',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 300,
    });
    expect(await records('fixed', 'own')).toBe(1);
    const robot = await serviceToken('fixed', await asRobot());
    expect(robot.body.access_token).toBe('key-of-everybody');
  });

  test('R10: without its audit record none leaves', async () => {
    const away = (from: string, to: string) =>
      queryDatabase(fixture.fresh.url, `ALTER TABLE ${from} RENAME TO ${to}`);
    await away('audit_event', 'audit_event_away');
    const answer = await serviceToken('fixed');
    await away('audit_event_away', 'audit_event');
    expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    expect(JSON.stringify(answer.body)).not.toContain('key-of-everybody');
  });

  test('by the URL as resource it is the same', async () => {
    const byUrl = { audience: undefined, resource: 'http://127.0.0.1:9/fixed' };
    const { body } = await serviceToken('', byUrl);
    expect(body.access_token).toBe('key-of-everybody');
  });

  test('of two live values the newest is used, and a changed one at once', async () => {
    await upstream('fixed', { credential: { type: 'static', secret: ['newer', 'older'] } });
    expect((await serviceToken('fixed')).body.access_token).toBe('newer');
    await upstream('fixed', { credential: { type: 'static', secret: 'newest' } });
    expect((await serviceToken('fixed')).body.access_token).toBe('newest');
  });

  test('stands in no answer, no configuration, no export and no log', async () => {
    await serviceToken('shown', { purpose: 'discovery' });
    const shown = await (await fixture.admin('GET', 'upstreams/shown')).text();
    const exported = await (await fixture.admin('GET', 'export')).text();
    const authorization = `Bearer ${await fixture.assertion()}`;
    const url = `${fixture.vaults[0]?.origin}/gateway/v1/config`;
    const config = (await (
      await fetch(url, { headers: { authorization } })
    ).json()) as ConfigSnapshot;
    const all = [shown, exported, JSON.stringify(config), fixture.log.join('')].join('\n');
    expect(all).not.toMatch(/for-lists|key-of-everybody|key-of-others/);
    expect(shown).toContain('"discoveryCredential.secret"');
    expect(exported).toContain('discoveryCredential');
    const told = config.upstreams.find(({ slug }) => slug === 'shown');
    expect(told).toMatchObject({ discovery: true, public: true, open: ['public'] });
  });

  test('a secret that no longer opens gives no token, and leaves a mark', async () => {
    await upstream('broken', { credential: { type: 'static', secret: 'will-not-open' } });
    await fixture.addClient('prober', { kind: 'service', upstreams: ['broken'] });
    await fixture.seed.database.query(
      `UPDATE registry_secret SET sealed = set_byte(sealed, 60, 255 - get_byte(sealed, 60))
        WHERE resource_id = (SELECT id FROM registry_resource WHERE slug = 'broken')`,
    );
    const client = { client_assertion: await fixture.assertion('prober') };
    const { status: code, body } = await serviceToken('broken', client);
    expect([code, body.error]).toEqual([503, 'temporarily_unavailable']);
    const marks = `audit_event WHERE action = 'seal.broken' AND actor->>'client' = 'prober'`;
    expect(await fixture.count(marks)).toBe(1);
  });
});

describe('a token of our own at the authorization server', () => {
  const issued = (access_token: string) =>
    status(200, { access_token, token_type: 'Bearer', expires_in: 120 });

  test('is asked for once for all who want it, with scope and resource, and kept', async () => {
    fixture.provider.script('token', issued('ours-1'));
    const before = asked();
    const answers = await Promise.all(Array.from({ length: 8 }, () => serviceToken('robotic')));
    expect(answers.map(({ body }) => body.access_token)).toEqual(Array(8).fill('ours-1'));
    expect((await serviceToken('robotic', await asRobot())).body.access_token).toBe('ours-1');
    expect(asked() - before).toBe(1);
    const sent = fixture.provider.requests.findLast(({ endpoint }) => endpoint === 'token');
    expect(Object.fromEntries(sent?.parameters ?? [])).toMatchObject({
      grant_type: 'client_credentials',
      scope: 'reports:all',
      resource: 'https://api.example.com',
    });
    expect(await records('robotic', 'own')).toBe(8);
  });

  test('a registration that is refused is 503 for a while, and not asked again each time', async () => {
    const robotic = { type: 'client-credentials', oauthClient: 'snowid', scopes: ['other'] };
    await upstream('robotic', { credential: robotic });
    const refusal = { error: 'invalid_client', error_description: 'no such client' };
    fixture.provider.script('token', status(401, refusal));
    const before = asked();
    const first = await serviceToken('robotic');
    const second = await serviceToken('robotic');
    expect([first.status, second.status, asked() - before]).toEqual([503, 503, 1]);
    expect(first.body.error).toBe('temporarily_unavailable');
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(20);
    expect(JSON.stringify([first.body, second.body])).not.toContain('no such client');
    const failed = fixture.log.find((line) => line.includes('service_token.failed')) ?? '';
    expect(failed).toContain('401 invalid_client');
    // What the administrator puts right is tried at once.
    await fixture.registration({ clientSecret: 'another-secret' });
    fixture.provider.script('token', issued('ours-2'));
    expect((await serviceToken('robotic')).body.access_token).toBe('ours-2');
  });
});

describe('row 32, confused deputy:', () => {
  test('a client gets no credential of an upstream that is not in its list, and no other sort than is registered', async () => {
    const foreign = await serviceToken('elsewhere');
    const unknown = await serviceToken('no-such-upstream');
    expect([foreign.status, foreign.body]).toEqual([400, unknown.body]);
    expect(foreign.body.error).toBe('invalid_target');
    expect((await serviceToken('elsewhere', await asRobot())).body.error).toBe('invalid_target');
    const wrong = await Promise.all([
      serviceToken('shown'),
      serviceToken('shown', { purpose: 'public' }),
      serviceToken('fixed', { purpose: 'discovery' }),
      serviceToken('snowdemo'),
    ]);
    expect(wrong.map(({ body }) => body.error)).toEqual(Array(4).fill('invalid_target'));
    const refused = `audit_event WHERE action = 'token.refused' AND target->>'upstream' = 'elsewhere'`;
    expect(await fixture.count(refused)).toBeGreaterThan(0);
  });

  test('what is for lists is for gateways alone, never for a service', async () => {
    const purpose = 'discovery';
    expect((await serviceToken('shown', { purpose })).body.access_token).toBe('for-lists');
    const robot = await serviceToken('shown', { purpose, ...(await asRobot()) });
    expect([robot.status, robot.body.error]).toEqual([400, 'invalid_target']);
  });

  test('without a proof of who asks there is nothing', async () => {
    const nobody = await serviceToken('fixed', { client_assertion: undefined });
    expect([nobody.status, nobody.body.error]).toEqual([401, 'invalid_client']);
  });

  test.each([
    [{ subject_token: 'x' }, 'invalid_request'],
    [{ scope: 'everything' }, 'invalid_scope'],
    [{ purpose: 'calls' }, 'invalid_request'],
    [{ rejected_token_sha256: 'x' }, 'invalid_request'],
    [{ resource: 'http://127.0.0.1:9/fixed' }, 'invalid_request'],
  ])('%o is refused, not ignored', async (changes, error) => {
    expect((await serviceToken('fixed', changes)).body.error).toBe(error);
  });
});
