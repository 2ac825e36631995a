import { generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { Secret } from '#lib/secret/secret';
import type { SigningAlgorithm, SigningKey } from './signing-keys.js';

const generate = promisify(generateKeyPair);

/** A key pair for one algorithm of RFC 7518; RSA keys have 2048 bits. */
export async function makeSigningKey(algorithm: SigningAlgorithm): Promise<SigningKey> {
  const { publicKey, privateKey } = await keyPair(algorithm);
  const names = { kid: randomBytes(16).toString('base64url'), alg: algorithm, use: 'sig' };
  const { kty, crv, x, y, n, e } = publicKey.export({ format: 'jwk' });
  const publicMembers = Object.entries({ kty, crv, x, y, n, e, ...names });
  return {
    kid: names.kid,
    publicJwk: Object.fromEntries(publicMembers.filter(([, value]) => value !== undefined)),
    privateJwk: new Secret(JSON.stringify({ ...privateKey.export({ format: 'jwk' }), ...names })),
  };
}

function keyPair(
  algorithm: SigningAlgorithm,
): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  return algorithm === 'ES256'
    ? generate('ec', { namedCurve: 'P-256' })
    : generate('rsa', { modulusLength: 2048 });
}
