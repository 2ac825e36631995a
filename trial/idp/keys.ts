import { randomBytes, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import type { JWK } from 'jose';
import type { FileStore } from './file-store.js';

export interface IdpKeys {
  readonly jwks: { readonly keys: JWK[] };
  readonly cookieKey: string;
}

/** The provider's signing key and cookie key, made at the first start. */
export async function idpKeys(store: FileStore): Promise<IdpKeys> {
  const kept = store.get('keys') as IdpKeys | undefined;
  if (kept !== undefined) return kept;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: 'RS256', use: 'sig' };
  const keys = { jwks: { keys: [jwk] }, cookieKey: randomBytes(32).toString('base64url') };
  await store.set('keys', keys);
  return keys;
}
