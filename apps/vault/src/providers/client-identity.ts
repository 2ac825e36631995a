import { webcrypto } from 'node:crypto';
import {
  ClientSecretBasic,
  ClientSecretPost,
  modifyAssertion,
  None,
  PrivateKeyJwt,
  type ClientAuth,
  type ServerMetadata,
} from 'openid-client';
import type { Clock } from '#lib/clock/clock';
import type { Secret } from '#lib/secret/secret';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Stored } from '../registry/registry-snapshot.js';
import type { ProviderFailure } from './provider.js';
import { ProviderRefused } from './provider-refused.js';
import { keyOwnerOf, type SigningKey, type SigningKeys } from './signing-keys.js';

/** One way to authenticate; `name` tells it from the others, and is secret itself where a secret is the way. */
export interface Authentication {
  readonly name: string;
  readonly method: ClientAuth;
}

/** Who we are at an authorization server: our client id there, and how we show that it is us. */
export interface ClientIdentity {
  readonly clientId: string;
  /** Live values, newest first. */
  authentications(server: ServerMetadata): Promise<readonly Authentication[]>;
}

export interface ClientIdentityParts {
  readonly client: Stored<OAuthClient>;
  /** Live values, newest first. */
  readonly secrets: () => Promise<readonly Secret[]>;
  readonly keys: SigningKeys | undefined;
  readonly clock: Clock;
}

/** Throws ProviderRefused where the registration is not complete. */
export function registeredIdentity(parts: ClientIdentityParts): ClientIdentity {
  const { clientId } = parts.client.document;
  if (clientId === undefined) throw misconfigured('the oauth client is a draft without client id');
  return { clientId, authentications: (server) => authenticationsOf(parts, server) };
}

async function authenticationsOf(
  parts: ClientIdentityParts,
  server: ServerMetadata,
): Promise<readonly Authentication[]> {
  const { clientAuth } = parts.client.document;
  switch (clientAuth) {
    case 'none':
      return [{ name: 'none', method: None() }];
    case 'private_key_jwt':
      return assertions(parts, server);
    case 'client_secret_basic':
    case 'client_secret_post':
      return secretAuthentications(clientAuth, await parts.secrets());
  }
}

function secretAuthentications(
  clientAuth: 'client_secret_basic' | 'client_secret_post',
  live: readonly Secret[],
): Authentication[] {
  if (live.length === 0) throw misconfigured('the client secret is not set yet');
  const method = clientAuth === 'client_secret_post' ? ClientSecretPost : ClientSecretBasic;
  return live.map((secret) => ({ name: secret.reveal(), method: method(secret.reveal()) }));
}

async function assertions(
  { client, keys, clock }: ClientIdentityParts,
  server: ServerMetadata,
): Promise<Authentication[]> {
  if (keys === undefined) throw misconfigured('there are no keys to sign with here');
  const audience = audienceOf(client.document, server);
  const live = await keys.live(keyOwnerOf(client));
  return Promise.all(
    live.map(async (key) => ({ name: key.kid, method: await assertion(key, audience, clock) })),
  );
}

/** RFC 7523 §3; row 35: for one server only, so that it cannot use our assertion at another. */
async function assertion(key: SigningKey, audience: string, clock: Clock): Promise<ClientAuth> {
  const imported = { key: await privateKey(key), kid: key.kid };
  return PrivateKeyJwt(imported, {
    [modifyAssertion]: (_header, payload) => {
      const now = Math.floor(clock.now());
      Object.assign(payload, { aud: audience, iat: now, nbf: now, exp: now + 60 });
    },
  });
}

// RFC 7523 §3: without a known issuer, the token endpoint stands for the server.
function audienceOf({ issuer, endpoints }: OAuthClient, server: ServerMetadata): string {
  return issuer === undefined && endpoints ? endpoints.token : server.issuer;
}

const importAs = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256' },
};

function privateKey({ privateJwk }: SigningKey): Promise<CryptoKey> {
  const jwk = JSON.parse(privateJwk.reveal()) as webcrypto.JsonWebKey & {
    alg: keyof typeof importAs;
  };
  return webcrypto.subtle.importKey('jwk', jwk, importAs[jwk.alg], false, ['sign']);
}

function misconfigured(detail: string): ProviderRefused {
  const failure: ProviderFailure = { ok: false, code: 'misconfigured', detail };
  return new ProviderRefused(failure);
}
