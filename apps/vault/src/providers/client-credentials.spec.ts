import { calculateJwkThumbprint, decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SynchronisedClock } from '#lib/clock/clock';
import { Outbound } from '#lib/outbound/outbound';
import { Secret } from '#lib/secret/secret';
import { RealAuthorizationServer } from '#lib/testing/real-authorization-server';
import { oauthClient } from '../registry/domain/oauth-client.js';
import { OpenIdProviders } from './openid-providers.js';

const api = 'https://api.example.com/';
let server: RealAuthorizationServer;
let outbound: Outbound;

beforeAll(async () => {
  outbound = new Outbound({ mode: 'development', allow: [] });
  server = await RealAuthorizationServer.start(() => ({
    clients: [
      {
        client_id: 'robot',
        client_secret: 's3cret',
        redirect_uris: [],
        response_types: [],
        grant_types: ['client_credentials'],
      },
    ],
    scopes: ['read', 'write'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'read write',
          accessTokenFormat: 'jwt',
          audience: api,
          accessTokenTTL: 300,
        }),
      },
    },
  }));
});
afterAll(async () => {
  await server.stop();
  await outbound.close();
});

function ask(scopes: readonly string[], about: Record<string, unknown> = {}, secret = 's3cret') {
  const registry = { secrets: () => Promise.resolve([new Secret(secret)]) };
  const clock = new SynchronisedClock();
  const providers = new OpenIdProviders('https://vault.example.com', outbound, registry, clock);
  const usual = { slug: 'robot', name: 'Robot', clientId: 'robot', issuer: server.issuer };
  const document = oauthClient.parse({ ...usual, ...about });
  const provider = providers.of({ id: 'row', version: 1, document });
  return provider.clientCredentials({ scopes, resource: api });
}

test('a certified server gives a token of our own, for the scope and resource that were asked for', async () => {
  const result = await ask(['read']);
  if (!result.ok) throw new Error(result.detail);
  const { accessToken, refreshToken, expiresAt, issuedAt, tokenType } = result.tokens;
  expect(decodeJwt(accessToken.reveal())).toMatchObject({
    client_id: 'robot',
    aud: api,
    scope: 'read',
  });
  expect([tokenType, refreshToken, Math.round((expiresAt ?? 0) - issuedAt)]).toEqual([
    'Bearer',
    undefined,
    300,
  ]);
});

test('it is bound to a key where the registration says so', async () => {
  const result = await ask(['read'], { dpop: 'always' });
  if (!result.ok) throw new Error(result.detail);
  const { accessToken, dpopKey = new Secret('{}') } = result.tokens;
  const { cnf } = decodeJwt<{ cnf?: { jkt: string } }>(accessToken.reveal());
  expect(cnf?.jkt).toBe(await calculateJwkThumbprint(JSON.parse(dpopKey.reveal())));
});

test('a wrong secret is for an administrator to put right', async () => {
  const detail = '401 invalid_client';
  expect(await ask(['read'], {}, 'wrong')).toMatchObject({ code: 'misconfigured', detail });
});
