import { generateKeyPairSync, webcrypto } from 'node:crypto';
import {
  type Configuration,
  type DPoPHandle,
  getDPoPHandle,
  modifyAssertion,
  type ServerMetadata,
} from 'openid-client';
import { Secret } from '#lib/secret/secret';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import { ProviderRefused } from './provider-refused.js';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };

/** A key for ES256 that tokens are bound to (RFC 9449), as a private JWK in JSON. */
export function makeDpopKey(): Secret {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return new Secret(JSON.stringify(privateKey.export({ format: 'jwk' })));
}

/** RFC 9449 §5.1: whether the server says that it takes proofs signed as ours are. */
function offersDpop(metadata: ServerMetadata): boolean {
  return metadata.dpop_signing_alg_values_supported?.includes('ES256') === true;
}

/** Whether tokens of this server are to be bound to a key. Throws ProviderRefused where that is demanded in vain. */
export function bindsTokens(client: OAuthClient, metadata: ServerMetadata): boolean {
  if (client.dpop === 'never') return false;
  const offered = offersDpop(metadata);
  if (client.dpop === 'auto' || offered) return offered;
  // Endpoints typed in say nothing of what the server offers.
  if (client.endpoints !== undefined && client.issuer === undefined) return true;
  const detail = 'the server offers no DPoP with ES256';
  throw new ProviderRefused({ ok: false, code: 'misconfigured', detail });
}

/** What openid-client proves the key with; `nonces` are what servers asked for last, by origin (RFC 9449 §8). */
export async function dpopHandle(
  configuration: Configuration,
  key: Secret,
  { nonces, now }: { readonly nonces: ReadonlyMap<string, string>; readonly now: number },
): Promise<DPoPHandle> {
  const { d, ...jwk } = JSON.parse(key.reveal()) as webcrypto.JsonWebKey;
  const { subtle } = webcrypto;
  const pair = {
    privateKey: await subtle.importKey('jwk', { ...jwk, d }, algorithm, false, ['sign']),
    publicKey: await subtle.importKey('jwk', jwk, algorithm, true, ['verify']),
  };
  return getDPoPHandle(configuration, pair, {
    [modifyAssertion]: (_header, payload) => {
      // The handle knows only nonces that it was told itself.
      const { htu } = payload;
      if (typeof htu === 'string') payload['nonce'] ??= nonces.get(new URL(htu).origin);
      payload['iat'] = Math.floor(now);
    },
  });
}
