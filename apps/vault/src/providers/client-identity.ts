import { webcrypto } from 'node:crypto';
import {
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
import { clientAddresses } from './client-metadata.js';
import type { ProviderFailure } from './provider.js';
import { ProviderRefused } from './provider-refused.js';
import type { RegisterClient } from './register-client.js';
import type { Registration } from './registration.js';
import { keyOwnerOf, type SigningKey, type SigningKeys } from './signing-keys.js';
import { secretBasic } from './secret-basic.js';

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
  readonly register: RegisterClient | undefined;
  readonly server: () => Promise<ServerMetadata>;
  readonly publicUrl: string;
  readonly clock: Clock;
}

/** Rejects with ProviderRefused where the registration is not complete. */
export async function identityOf(parts: ClientIdentityParts): Promise<ClientIdentity> {
  const { client } = parts;
  const { registration, clientId, clientAuth, slug } = client.document;
  switch (registration) {
    case 'static':
      if (clientId === undefined)
        throw misconfigured('the oauth client is a draft without client id');
      return identity(parts, { clientId, clientAuth, secrets: parts.secrets });
    case 'dynamic': {
      if (parts.register === undefined) throw misconfigured('nobody can be registered here');
      const registered = await parts.register.current(client, await parts.server());
      return identity(parts, { ...registered, secrets: async () => secretsOf(registered) });
    }
    case 'metadata-document': {
      const { metadataDocument } = clientAddresses(parts.publicUrl, slug);
      return identity(parts, { clientId: metadataDocument, clientAuth, secrets: parts.secrets });
    }
  }
}

function secretsOf({ clientSecret }: Registration): readonly Secret[] {
  return clientSecret === undefined ? [] : [clientSecret];
}

interface Known {
  readonly clientId: string;
  readonly clientAuth: OAuthClient['clientAuth'];
  readonly secrets: () => Promise<readonly Secret[]>;
}

function identity(parts: ClientIdentityParts, known: Known): ClientIdentity {
  const { clientId } = known;
  return { clientId, authentications: (server) => authenticationsOf(parts, known, server) };
}

async function authenticationsOf(
  parts: ClientIdentityParts,
  { clientAuth, secrets }: Known,
  server: ServerMetadata,
): Promise<readonly Authentication[]> {
  switch (clientAuth) {
    case 'none':
      return [{ name: 'none', method: None() }];
    case 'private_key_jwt':
      return assertions(parts, server);
    case 'client_secret_basic':
    case 'client_secret_post':
      return secretAuthentications(clientAuth, await secrets());
    case 'auto':
      throw misconfigured('how to authenticate is not settled: save the oauth client again');
  }
}

function secretAuthentications(
  clientAuth: 'client_secret_basic' | 'client_secret_post',
  live: readonly Secret[],
): Authentication[] {
  if (live.length === 0) throw misconfigured('the client secret is not set yet');
  const method = clientAuth === 'client_secret_post' ? ClientSecretPost : secretBasic;
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
