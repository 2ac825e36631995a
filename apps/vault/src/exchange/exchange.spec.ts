import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { slow, status } from '#lib/testing/scripted-answer';
import { queryDatabase } from '#lib/testing/postgres-query';
import { ExchangeFixture, gatewayUrl } from './exchange-fixture.js';

let fixture: ExchangeFixture;
beforeAll(async () => {
  fixture = await ExchangeFixture.start();
});
afterAll(() => fixture.stop());

const sha256 = (token: string) => createHash('sha256').update(token).digest('base64url');
const exchanged = (subject: string) =>
  fixture.count(`audit_event WHERE action = 'token.exchanged' AND actor->>'subject' = $1`, [
    subject,
  ]);
const refreshes = () => fixture.provider.count('token', 'refresh_token');

describe('with a grant and a consent', () => {
  test('the person’s own token is handed out, no store, with its grant and its audit record', async () => {
    const { grant, accessToken } = await fixture.grant('alice');
    await fixture.consent('alice');
    const { status, headers, body } = await fixture.exchange(await fixture.token('alice'));
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toEqual({
      access_token: accessToken,
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: expect.any(Number),
      scope: 'offline_access read',
      grant_id: grant.id,
      grant_version: grant.version,
    });
    expect(body.expires_in).toBeGreaterThan(100);
    expect(body.expires_in).toBeLessThanOrEqual(120);
    expect(await exchanged('alice')).toBe(1);
  });

  test('by the URL as resource it is the same upstream', async () => {
    await fixture.grant('rita');
    await fixture.consent('rita');
    const byUrl = { audience: undefined, resource: 'http://127.0.0.1:9/snowdemo' };
    expect((await fixture.exchange(await fixture.token('rita'), byUrl)).status).toBe(200);
  });

  test('a second application of the same person is asked, and its link is its own', async () => {
    await fixture.grant('ann');
    await fixture.consent('ann');
    const other = await fixture.token('ann', { clientId: 'other-app' });
    const { status, body } = await fixture.exchange(other);
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: 'interaction_required', interval: 5 });
    expect(await fixture.count(`interaction WHERE application = 'other-app'`)).toBe(1);
  });

  test('what was agreed to for the gateway is not agreed to for a service', async () => {
    await fixture.grant('sam');
    await fixture.consent('sam');
    const token = await fixture.token('sam', { audience: 'https://robot.example.com' });
    const client = { client_assertion: await fixture.assertion('robot') };
    expect((await fixture.exchange(token, client)).body.error).toBe('interaction_required');
    await fixture.consent('sam', { consumer: 'robot' });
    expect((await fixture.exchange(token, client)).status).toBe(200);
  });

  test('a consent that is over counts no more', async () => {
    await fixture.grant('old');
    const id = await fixture.consent('old');
    await fixture.seed.database.query(
      `UPDATE client_consent SET expires_at = now() - interval '1 second' WHERE id = $1`,
      [id],
    );
    expect((await fixture.exchange(await fixture.token('old'))).body.error).toBe(
      'interaction_required',
    );
  });
});

describe('a person is needed', () => {
  test('row 15, elicitation flooding: 30 calls are one interaction, each with its own link', async () => {
    const token = await fixture.token('flo');
    const answers = await Promise.all(Array.from({ length: 30 }, () => fixture.exchange(token)));
    const links = new Set(answers.map(({ body }) => body.interaction_uri));
    const ids = new Set(answers.map(({ body }) => body.interaction_id));
    expect([links.size, ids.size]).toEqual([30, 1]);
    expect(await fixture.count(`interaction WHERE subject = 'flo'`)).toBe(1);
    expect(String([...links][0])).toMatch(new RegExp(`^${fixture.publicUrl}/connect/[\\w-]{43}$`));
  });

  test('interaction=none tells so and mints nothing', async () => {
    const { body } = await fixture.exchange(await fixture.token('nun'), { interaction: 'none' });
    expect(body).toMatchObject({ error: 'interaction_required', message: expect.any(String) });
    expect(body).not.toHaveProperty('interaction_uri');
    expect(await fixture.count(`interaction WHERE subject = 'nun'`)).toBe(0);
  });

  test('interaction_id continues one without a new link; another person’s is worth nothing', async () => {
    const first = await fixture.exchange(await fixture.token('ivy'));
    const again = { interaction_id: first.body.interaction_id };
    const mine = await fixture.exchange(await fixture.token('ivy'), again);
    expect(mine.body).toMatchObject(again);
    expect(mine.body).not.toHaveProperty('interaction_uri');
    const other = await fixture.exchange(await fixture.token('eve'), again);
    expect(other.body).not.toHaveProperty('interaction_id');
    expect(await fixture.count(`interaction WHERE subject = 'eve'`)).toBe(0);
  });

  test('row 17, open redirect: a service has its person brought back to what it registered, byte for byte', async () => {
    const audience = 'https://robot.example.com';
    const ask = async (return_uri: string, client = 'robot') =>
      fixture.exchange(await fixture.token('uri', client === 'robot' ? { audience } : {}), {
        client_assertion: await fixture.assertion(client),
        return_uri,
      });
    const registered = 'https://robot.example.com/back?from=vault';
    for (const stray of [`${registered}&to=x`, 'https://evil.example/', '//evil.example', 'x'])
      expect((await ask(stray)).body.error).toBe('invalid_request');
    expect((await ask(registered, 'gateway')).body.error).toBe('invalid_request');
    expect((await ask(registered)).body.error).toBe('interaction_required');
    expect(
      await fixture.count(`interaction WHERE subject = 'uri' AND return_uri = '${registered}'`),
    ).toBe(1);
  });

  test('GET /interactions/{id} answers the client it was opened for, nobody else', async () => {
    const { body } = await fixture.exchange(await fixture.token('wim'));
    const found = await fixture.interaction(body.interaction_id);
    expect(found.status).toBe(200);
    expect(found.body).toEqual({
      interaction_id: body.interaction_id,
      status: 'pending',
      expires_in: expect.any(Number),
    });
    expect((await fixture.interaction(body.interaction_id, 'robot')).status).toBe(404);
    expect((await fixture.interaction("x' OR 1=1")).status).toBe(404);
    const url = `${fixture.vaults[0]?.origin}/interactions/${body.interaction_id}`;
    expect((await fetch(url)).status).toBe(401);
  });

  test('DELETE /interactions/{id} leaves nothing pending; for its own client, once, and not after the end', async () => {
    const { body } = await fixture.exchange(await fixture.token('una'));
    const id = String(body.interaction_id);
    expect(await fixture.withdraw(id, 'robot')).toBe(404);
    expect((await fixture.interaction(id)).body.status).toBe('pending');
    expect(await fixture.withdraw(id)).toBe(204);
    expect((await fixture.interaction(id)).body.status).toBe('declined');
    expect(await fixture.withdraw(id)).toBe(204);
    const withdrawn = `audit_event WHERE action = 'interaction.withdrawn' AND actor->>'subject' = 'una'`;
    expect(await fixture.count(withdrawn)).toBe(1);
    const next = await fixture.exchange(await fixture.token('una'));
    expect(next.body.interaction_id).not.toBe(id);
  });

  test('the name that the client gives itself is kept for the page, cut to 64 characters', async () => {
    const client_info_name = 'x'.repeat(100);
    await fixture.exchange(await fixture.token('nam'), { client_info_name });
    const [row] = await fixture.seed.database.query<{ client_name: string }>(
      `SELECT client_name FROM interaction WHERE subject = 'nam'`,
    );
    expect(row?.client_name).toHaveLength(64);
  });
});

describe('row 7, a name that the client chose', () => {
  test('control characters become spaces: U+0000 is no way to a failing vault', async () => {
    const asked = await fixture.exchange(await fixture.token('nul'), {
      client_info_name: 'a\0b\r\nc',
    });
    expect(asked.status).toBe(400);
    expect(asked.body.error).toBe('interaction_required');
    const [row] = await fixture.seed.database.query<{ client_name: string }>(
      `SELECT client_name FROM interaction WHERE subject = 'nul'`,
    );
    expect(row?.client_name).toBe('a b  c');
  });
});

describe('row 32, confused deputy at the exchange', () => {
  const invalid = (error: string, httpStatus = 400) => ({ status: httpStatus, body: { error } });
  const minute = 60;
  const iat = () => Math.floor(Date.now() / 1000);

  test.each([
    [
      'no client authentication',
      async () => ({ client_assertion: undefined }),
      invalid('invalid_client', 401),
    ],
    [
      'an expired assertion',
      async () => ({
        client_assertion: await fixture.assertion('gateway', {
          iat: iat() - 2 * minute,
          exp: iat() - minute,
        }),
      }),
      invalid('invalid_client', 401),
    ],
    [
      'an assertion for another server',
      async () => ({
        client_assertion: await fixture.assertion('gateway', { aud: 'https://other.example.com' }),
      }),
      invalid('invalid_client', 401),
    ],
    [
      'an assertion in another’s name',
      async () => ({
        client_assertion: await fixture.assertion('robot', { iss: 'gateway', sub: 'gateway' }),
      }),
      invalid('invalid_client', 401),
    ],
    [
      'a client_id that is not the signer',
      async () => ({ client_id: 'robot' }),
      invalid('invalid_client', 401),
    ],
    ['a bare sub', async () => ({ subject_token: 'alice' }), invalid('invalid_request')],
    ['no subject token', async () => ({ subject_token: undefined }), invalid('invalid_request')],
    [
      'an ID token',
      async () => ({
        subject_token: await fixture.issuer.idToken({
          subject: 'alice',
          clientId: 'assistant',
          claims: { aud: gatewayUrl },
        }),
      }),
      invalid('invalid_request'),
    ],
    [
      'an expired subject token',
      async () => ({ subject_token: await fixture.token('alice', { expiresIn: -31 }) }),
      invalid('invalid_request'),
    ],
    [
      'a token for another gateway',
      async () => ({
        subject_token: await fixture.token('alice', { audience: 'https://elsewhere.example.com' }),
      }),
      invalid('invalid_request'),
    ],
    [
      'a token for another route',
      async () => ({
        subject_token: await fixture.token('alice', { audience: `${gatewayUrl}/http/unlisted` }),
      }),
      invalid('invalid_request'),
    ],
    ['a foreign upstream', async () => ({ audience: 'unlisted' }), invalid('invalid_target')],
    [
      'an upstream that does not exist',
      async () => ({ audience: 'nowhere' }),
      invalid('invalid_target'),
    ],
    [
      'an upstream without credential',
      async () => ({
        audience: 'open',
        subject_token: await fixture.token('alice', { audience: gatewayUrl }),
      }),
      invalid('invalid_target'),
    ],
    [
      'audience and resource',
      async () => ({ resource: 'http://127.0.0.1:9/snowdemo' }),
      invalid('invalid_request'),
    ],
    ['neither', async () => ({ audience: undefined }), invalid('invalid_request')],
    [
      'resource twice',
      async () => ({ audience: undefined, resource: ['a', 'b'] }),
      invalid('invalid_request'),
    ],
    [
      'subject_token twice',
      async () => ({ subject_token: ['a', 'b'] }),
      invalid('invalid_request'),
    ],
    [
      'asking for a refresh token',
      async () => ({ requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }),
      invalid('invalid_request'),
    ],
    [
      'a wrong subject_token_type',
      async () => ({ subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' }),
      invalid('invalid_request'),
    ],
    ['an actor token', async () => ({ actor_token: 'x' }), invalid('invalid_request')],
    ['a scope that nobody listed', async () => ({ scope: 'read admin' }), invalid('invalid_scope')],
    [
      'a wrong grant_type',
      async () => ({ grant_type: 'password' }),
      invalid('unsupported_grant_type'),
    ],
    [
      'client_credentials with the token of a person',
      async () => ({ grant_type: 'client_credentials' }),
      invalid('invalid_request'),
    ],
    [
      'a blocked application',
      async () => ({ subject_token: await fixture.token('alice', { clientId: 'bad-app' }) }),
      invalid('access_denied'),
    ],
    [
      'a program’s own token',
      async () => ({ subject_token: await fixture.token('assistant', { clientId: 'assistant' }) }),
      invalid('access_denied'),
    ],
    [
      'a person whom the upstream’s access rule keeps out',
      async () => ({
        audience: 'guarded',
        subject_token: await fixture.token('alice', { audience: gatewayUrl }),
      }),
      invalid('access_denied'),
    ],
    [
      'a malformed interaction_id',
      async () => ({ interaction_id: '../../x' }),
      invalid('invalid_request'),
    ],
    [
      'a malformed rejected_token_sha256',
      async () => ({ rejected_token_sha256: 'abc' }),
      invalid('invalid_request'),
    ],
  ] as const)('%s', async (_name, changes, expected) => {
    const before = refreshes();
    const answer = await fixture.exchange(await fixture.token('alice'), await changes());
    expect(answer).toMatchObject(expected);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).not.toHaveProperty('access_token');
    expect(refreshes()).toBe(before);
  });

  test('an unknown application of an issuer that refuses those', async () => {
    const issuer = { issuer: fixture.issuer.issuer, login: { clientId: 'vault' } };
    await fixture.put('issuers/corporate', { ...issuer, unknownApplications: 'refuse' });
    const answer = await fixture.exchange(await fixture.token('zoe'));
    await fixture.put('issuers/corporate', issuer);
    expect(answer).toMatchObject({ status: 400, body: { error: 'access_denied' } });
  });

  test('what exists but is not listed is refused in the same words as what does not exist', async () => {
    const token = await fixture.token('alice', { audience: gatewayUrl });
    const [foreign, unknown] = await Promise.all([
      fixture.exchange(token, { audience: 'unlisted' }),
      fixture.exchange(token, { audience: 'nowhere' }),
    ]);
    expect(foreign.body).toEqual(unknown.body);
  });
});

describe('keeping', () => {
  async function connected(subject: string) {
    const { grant, accessToken } = await fixture.grant(subject);
    await fixture.consent(subject);
    return { id: grant.id, accessToken, token: await fixture.token(subject) };
  }

  function expire(id: string): Promise<unknown> {
    return fixture.seed.database.query(
      `UPDATE access_token SET issued_at = now() - interval '3 minutes', expires_at = now() - interval '1 minute'
        WHERE grant_id = $1`,
      [id],
    );
  }

  test('R2: 40 concurrent exchanges at each of two vaults for one expired grant are one refresh', async () => {
    await fixture.addVault();
    const { id, token } = await connected('kit');
    await expire(id);
    fixture.provider.script('token', slow(200));
    const before = refreshes();
    const answers = await Promise.all(
      Array.from({ length: 80 }, (_, i) => fixture.exchange(token, {}, i % 2)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body.access_token)).size).toBe(1);
    expect(refreshes() - before).toBe(1);
    expect(await exchanged('kit')).toBe(80);
  });

  test('an upstream’s 401: a refreshed token once; then a clear answer, and a link at most hourly', async () => {
    const { accessToken, token } = await connected('rex');
    const rejected = { rejected_token_sha256: sha256(accessToken) };
    const second = await fixture.exchange(token, rejected);
    expect(second.status).toBe(200);
    expect(second.body.access_token).not.toBe(accessToken);
    const late = await fixture.exchange(token, rejected);
    expect(late.body.access_token).toBe(second.body.access_token);
    const again = { rejected_token_sha256: sha256(second.body.access_token) };
    expect((await fixture.exchange(token, again)).body).toHaveProperty('interaction_uri');
    expect((await fixture.exchange(token, again)).body).not.toHaveProperty('interaction_uri');
    expect((await fixture.exchange(token)).status).toBe(200);
  });

  test('R4, the provider is down: a living token is served; after its end 503, Retry-After and no interaction', async () => {
    const { id, token } = await connected('out');
    fixture.provider.always('token', status(503));
    expect((await fixture.exchange(token)).status).toBe(200);
    await expire(id);
    const answer = await fixture.exchange(token);
    fixture.provider.always('token', undefined);
    expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await fixture.count(`interaction WHERE subject = 'out'`)).toBe(0);
  });

  test('a revoked grant: the next exchange asks the person again', async () => {
    const { id, token } = await connected('rev');
    await fixture.seed.grants.revoke(id, { kind: 'vault' }, 'disconnected');
    expect((await fixture.exchange(token)).body).toMatchObject({ error: 'interaction_required' });
  });

  test('R10: without its audit record no token leaves', async () => {
    const [first, again] = [await connected('aud'), await connected('ray')];
    // The record of the next one is written by its read.
    expect((await fixture.exchange(again.token)).status).toBe(200);
    await queryDatabase(fixture.fresh.url, 'ALTER TABLE audit_event RENAME TO audit_event_away');
    const tokens = [first.token, again.token];
    const answers = [await fixture.exchange(first.token), await fixture.exchange(again.token)];
    await queryDatabase(fixture.fresh.url, 'ALTER TABLE audit_event_away RENAME TO audit_event');
    const unavailable = { status: 503, body: { error: 'temporarily_unavailable' } };
    expect(answers).toMatchObject([unavailable, unavailable]);
    for (const token of tokens) expect((await fixture.exchange(token)).status).toBe(200);
  });

  test('row 37, ciphertext swap: another person’s ciphertext in my row does not open, and leaves a mark', async () => {
    const mine = await connected('mal');
    const theirs = await connected('vic');
    await fixture.seed.database.query(
      `UPDATE access_token SET sealed = (SELECT sealed FROM access_token WHERE grant_id = $2) WHERE grant_id = $1`,
      [mine.id, theirs.id],
    );
    const answer = await fixture.exchange(mine.token);
    expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    expect(await fixture.count(`audit_event WHERE action = 'seal.broken'`)).toBe(1);
  });
});

test('row 40, no trace: exchanges that were refused stand in the audit log, with who and why, each kind once', async () => {
  const refused = async (subject: string) => {
    const rows = await fixture.seed.database.query<Record<string, unknown>>(
      `SELECT actor->>'client' AS client, actor->>'application' AS application, target, detail->>'error' AS error,
              outcome, request_id IS NOT NULL AS "hasRequestId"
         FROM audit_event WHERE action = 'token.refused' AND actor->>'subject' = $1 ORDER BY sequence`,
      [subject],
    );
    return rows;
  };
  const token = await fixture.token('nora');
  for (let time = 1; time <= 5; time += 1) await fixture.exchange(token);
  await fixture.exchange(token, { audience: 'guarded' });
  await fixture.exchange(token, { scope: 'everything' });
  const by = {
    client: 'gateway',
    application: 'assistant',
    outcome: 'refused',
    hasRequestId: true,
  };
  await expect
    .poll(() => refused('nora'))
    .toEqual([
      { ...by, target: { upstream: 'snowdemo' }, error: 'interaction_required' },
      { ...by, target: { upstream: 'snowdemo' }, error: 'invalid_scope' },
    ]);
  await fixture.exchange(await fixture.token('nora', { audience: `${gatewayUrl}/http/guarded` }), {
    audience: 'guarded',
  });
  await expect.poll(() => refused('nora')).toHaveLength(3);
  expect((await refused('nora')).at(-1)).toMatchObject({
    target: { upstream: 'guarded' },
    error: 'access_denied',
  });
  await fixture.exchange(token, { audience: 'unlisted' });
  await fixture.exchange(token, { client_assertion: 'none' });
  const unnamed = (error: string) =>
    fixture.count(`audit_event WHERE action = 'token.refused' AND detail->>'error' = $1`, [error]);
  await expect.poll(() => unnamed('invalid_target')).toBeGreaterThan(0);
  await expect.poll(() => unnamed('invalid_client')).toBeGreaterThan(0);
});

test('row 40, log leaks: no token that was sent or handed out stands in the log', async () => {
  const { accessToken } = await fixture.grant('leo');
  await fixture.consent('leo');
  const token = await fixture.token('leo');
  const assertion = await fixture.assertion();
  await fixture.exchange(token, { client_assertion: assertion });
  await fixture.exchange(token, { client_assertion: assertion, audience: 'unlisted' });
  const text = fixture.log.join('\n');
  expect(text).toContain('exchange.refused');
  for (const secret of [accessToken, token, assertion, ...fixture.provider.issuedTokens])
    expect(text).not.toContain(secret);
});
