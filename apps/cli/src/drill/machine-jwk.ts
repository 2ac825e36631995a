import { exportJWK, generateKeyPair } from 'jose';
import type { JWK } from 'jose';

/** The private key by which a drill authenticates at the vault (RFC 7523). */
export async function machineJwk(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: 'drill', alg: 'ES256' };
}
