import { importJWK, type JWK, SignJWT } from 'jose';
import type { Secret } from '#lib/secret/secret';
import type { Claims } from './claim.js';

export interface AccessTokenKey {
  readonly kid: string;
  /** An ES256 private JWK as JSON. */
  readonly privateJwk: Secret;
}

/** RFC 9068: a JWT access token of these claims. */
export async function signAccessToken(claims: Claims, key: AccessTokenKey): Promise<string> {
  const privateKey = await importJWK(JSON.parse(key.privateJwk.reveal()) as JWK, 'ES256');
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: key.kid, typ: 'at+jwt' })
    .sign(privateKey);
}
