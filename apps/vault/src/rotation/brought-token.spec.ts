import { afterAll, beforeAll, expect, test } from 'vitest';
import { Secret } from '#lib/secret/secret';
import type { ConsentRequest } from '../connect/consent-requests.js';
import { PostgresUnconfirmedAccountStore } from '../connect/postgres-unconfirmed-account-store.js';
import { PostgresGrantStore } from '../grants/postgres-grant-store.js';
import { PostgresHeldGrants } from '../grants/postgres-held-grants.js';
import type { TokenSet } from '../providers/token-set.js';
import { RotationFixture } from './rotation-fixture.js';

let fixture: RotationFixture;

beforeAll(async () => {
  fixture = await RotationFixture.start();
});
afterAll(() => fixture.stop());

const tokens: TokenSet = {
  accessToken: new Secret('the-pasted-token'),
  refreshToken: undefined,
  tokenType: 'Bearer',
  issuedAt: Date.now() / 1000,
  expiresAt: undefined,
  scopes: [],
  idTokenClaims: undefined,
};

test('a token that was brought, and one that waits unchecked, are sealed anew with all others', async () => {
  const { database } = fixture;
  const process = await fixture.process('vault');
  const { sealer } = process;
  const issuerId = await fixture.resource('issuers', 'corporate', {
    issuer: 'https://idp.example',
  });
  const upstreamId = await fixture.resource('upstreams', 'forge');
  const key = { issuerId, subject: 'alice', oauthClientId: upstreamId, partition: upstreamId };
  const policies = { of: () => ({ maxConcurrentRequests: 1, rules: {} }) };
  const [row] = await database.query<{ id: string }>(
    `INSERT INTO interaction (issuer_id, subject, application, consumer, upstream_id, purpose, scopes, status, expires_at)
     VALUES ($1, 'alice', 'app', 'gateway', $2, 'connect', '{}', 'confirming', now() + interval '1 hour') RETURNING id`,
    [issuerId, upstreamId],
  );
  const interaction = { id: row?.id ?? '', issuerId, subject: 'alice' };
  const request = { interaction, grantKey: key } as unknown as ConsentRequest;
  const unconfirmed = new PostgresUnconfirmedAccountStore(database, sealer);
  await database.transaction(async (tx) => {
    const about = { account: undefined, requestedScopes: [], target: { resource: '', scopes: '' } };
    await new PostgresGrantStore(database, sealer, policies).store(tx, key, tokens, about);
    const waiting = { tokens, account: undefined, scopes: [], resource: undefined };
    await unconfirmed.put(tx, request, waiting);
  });

  const before = Object.keys(await fixture.under());
  await process.rotate();
  await process.run();

  const [under, ...more] = Object.entries(await fixture.under());
  expect([under?.[1], more]).toEqual([2, []]);
  expect(before).not.toContain(under?.[0]);
  const held = await new PostgresHeldGrants(database, sealer).hold(key, '');
  expect((await held?.tokens[0]?.open())?.reveal()).toBe('the-pasted-token');
  const waited = await unconfirmed.find(request);
  expect(waited?.tokens.accessToken.reveal()).toBe('the-pasted-token');
});
