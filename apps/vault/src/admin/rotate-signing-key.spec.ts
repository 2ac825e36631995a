import { afterAll, beforeAll, expect, it } from 'vitest';
import { AdminFixture, oauthClientBody, vaultPublicUrl } from './admin-fixture.js';

let vault: AdminFixture;

beforeAll(async () => {
  vault = await AdminFixture.start();
  for (const [slug, clientAuth] of [
    ['signs', 'private_key_jwt'],
    ['secretive', 'client_secret_basic'],
  ])
    await put(`${slug}`, { ...oauthClientBody, clientAuth });
});
afterAll(() => vault.stop());

async function put(slug: string, body: object) {
  const answer = await vault.ask('PUT', `/admin/v1/oauth-clients/${slug}`, { body });
  if (answer.status >= 300) throw new Error(answer.text);
  return answer.body;
}

const jwks = (slug: string) =>
  vault.ask('GET', `/oauth-clients/${slug}/jwks.json`, { token: null });
const kids = async (slug: string) =>
  (await jwks(slug)).body.keys.map(({ kid }: { kid: string }) => kid) as string[];

it('an oauth client that signs needs no secret and shows where its keys are', async () => {
  const { body } = await vault.ask('GET', '/admin/v1/oauth-clients/signs');
  const { clientSecret: _, ...bare } = oauthClientBody;
  await put('bare', { ...bare, clientAuth: 'private_key_jwt' });
  const { body: other } = await vault.ask('GET', '/admin/v1/oauth-clients/bare');
  expect(other).toMatchObject({ status: 'ready', missing: [] });
  expect(body.signingKeysUri).toBe(`${vaultPublicUrl}/oauth-clients/signs/jwks.json`);
  // What an answer carries may be sent back.
  expect(await put('signs', body)).toMatchObject({ version: body.version });
});

it('anybody reads the public keys, cacheable, and nothing private', async () => {
  const { status, headers, body, text } = await jwks('signs');
  expect(status).toBe(200);
  expect(headers.get('cache-control')).toBe('public, max-age=300');
  expect(body.keys).toEqual([
    {
      ...{ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' },
      kid: expect.any(String),
      x: expect.any(String),
      y: expect.any(String),
    },
  ]);
  expect(text).not.toContain('"d"');
});

it('whoever asks first at the same moment, one key is made', async () => {
  await put('busy', { ...oauthClientBody, clientAuth: 'private_key_jwt' });
  const seen = await Promise.all(Array.from({ length: 8 }, () => kids('busy')));
  expect(new Set(seen.flat()).size).toBe(1);
});

it('an oauth client that does not sign has no keys, neither has an unknown one', async () => {
  for (const slug of ['secretive', 'nobody']) expect((await jwks(slug)).status).toBe(404);
  const answer = await vault.ask('POST', '/admin/v1/oauth-clients/secretive/rotate-key');
  expect(answer.status).toBe(409);
});

it('a rotation keeps the key of before, and only that one', async () => {
  const [first] = await kids('signs');
  const rotate = () => vault.ask('POST', '/admin/v1/oauth-clients/signs/rotate-key');
  expect((await rotate()).status).toBe(200);
  const [second, before] = await kids('signs');
  expect(before).toBe(first);
  const { body } = await rotate();
  expect(body.keys).toHaveLength(2);
  expect(await kids('signs')).toEqual([body.keys[0].kid, second]);
  const audited = await vault.ask('GET', '/admin/v1/audit-events?action=oauth_client.key_rotated');
  expect(audited.body.items).toHaveLength(2);
});

it('row 35: moved to another authorization server, it signs with another key', async () => {
  const [here] = await kids('bare');
  const endpoints = {
    authorization: 'http://127.0.0.1:9/a',
    token: 'http://127.0.0.1:9/elsewhere',
  };
  await put('bare', { name: 'Bare', clientId: 'x', clientAuth: 'private_key_jwt', endpoints });
  expect(await kids('bare')).not.toContain(here);
});

it('row 37: in the database the private half is sealed', async () => {
  await jwks('signs');
  const rows = await vault.database.query<{ text: string }>(
    `SELECT row_to_json(k)::text || encode(private_jwk, 'escape') AS text FROM oauth_client_key k`,
  );
  expect(rows.length).toBeGreaterThan(0);
  for (const { text } of rows) expect(text).not.toContain('"d":');
});
