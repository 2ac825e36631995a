import { calculateJwkThumbprint, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeDpopKey } from '../providers/dpop-key.js';
import { ExchangeFixture } from './exchange-fixture.js';

let fixture: ExchangeFixture;
beforeAll(async () => {
  fixture = await ExchangeFixture.start();
  await fixture.put('upstreams/snowdemo', {
    name: 'snowdemo',
    type: 'http',
    url: 'http://127.0.0.1:9/snowdemo',
    credential: { type: 'oauth', oauthClient: 'snowid' },
    inject: {
      extra: { 'Api-Version': '7', 'Tenant-Id': '{grant.tenantId}', Lost: '{grant.lost}' },
    },
  });
});
afterAll(() => fixture.stop());

const keys = new Map<string, string>();

async function connected(subject: string, metadata: Record<string, string> = {}) {
  const dpopKey = makeDpopKey();
  keys.set(subject, dpopKey.reveal());
  const { grant } = await fixture.grant(subject, { tokenType: 'DPoP', dpopKey, metadata });
  await fixture.consent(subject);
  return { id: grant.id, token: await fixture.token(subject) };
}

const query = (sql: string, parameters: unknown[]) => fixture.seed.database.query(sql, parameters);

test('a bound token is handed out with its key, and says so', async () => {
  const { token } = await connected('dora');
  const answer = await fixture.exchange(token);
  expect(answer).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
  expect(answer.body).toMatchObject({
    dpop: { required: false, jwk: JSON.parse(keys.get('dora') ?? '') as object },
  });
});

test('what the API wants beside the token comes along, as far as it is known', async () => {
  const { token } = await connected('tess', { tenantId: 't-9' });
  const { body } = await fixture.exchange(token);
  expect(body).toMatchObject({ headers: { 'Api-Version': '7', 'Tenant-Id': 't-9' } });
  expect(JSON.stringify(body)).not.toContain('Lost');
});

test('row 22, response splitting: what a provider told cannot break out of its header', async () => {
  const { token } = await connected('split', { tenantId: 'x\r\nauthorization: Bearer y' });
  const { body } = await fixture.exchange(token);
  expect(body).toMatchObject({ headers: { 'Api-Version': '7' } });
  expect(JSON.stringify(body)).not.toContain('Tenant-Id');
});

test.each(['Authorization', 'cookie', 'Host', 'Connection', 'DPoP', 'X-Forwarded-For'])(
  'row 21, hop-by-hop: nobody registers %s for every call',
  async (name) => {
    const answer = await fixture.admin('PATCH', 'upstreams/snowdemo', {
      inject: { extra: { [name]: 'x' } },
    });
    expect(answer.status).toBe(422);
    expect(await answer.text()).toContain('/inject/extra');
  },
);

test('a refresh proves the key of the grant', async () => {
  const { id, token } = await connected('rita');
  await query(
    `UPDATE access_token SET issued_at = now() - interval '3 minutes', expires_at = now() - interval '1 minute'
      WHERE grant_id = $1`,
    [id],
  );
  expect((await fixture.exchange(token)).status).toBe(200);
  const sent = fixture.provider.requests.filter(({ endpoint }) => endpoint === 'token').at(-1);
  const { jwk = { kty: '' } } = decodeProtectedHeader(String(sent?.headers['dpop']));
  const own = JSON.parse(keys.get('rita') ?? '') as object;
  expect(await calculateJwkThumbprint(jwk)).toBe(await calculateJwkThumbprint(own));
  expect(jwk).not.toHaveProperty('d');
});

test('row 37, ciphertext swap: another person’s key in my grant does not open, and leaves a mark', async () => {
  const mine = await connected('mal');
  const theirs = await connected('vic');
  await query(
    `UPDATE user_grant SET dpop_key = (SELECT dpop_key FROM user_grant WHERE id = $2) WHERE id = $1`,
    [mine.id, theirs.id],
  );
  const answer = await fixture.exchange(mine.token);
  expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
  expect(answer.body.access_token).toBeUndefined();
  expect(await fixture.count(`audit_event WHERE action = 'seal.broken'`)).toBeGreaterThan(0);
});

test('a bound token whose key is gone is not handed out as another', async () => {
  const { id, token } = await connected('gone');
  await query('UPDATE user_grant SET dpop_key = NULL WHERE id = $1', [id]);
  expect((await fixture.exchange(token)).status).toBe(503);
});

test('row 40, log leaks: no private key stands in the log or the audit log', async () => {
  const audit = await query('SELECT detail, target FROM audit_event', []);
  const text = fixture.log.join('\n') + JSON.stringify(audit);
  for (const key of keys.values()) expect(text).not.toContain((JSON.parse(key) as { d: string }).d);
});
