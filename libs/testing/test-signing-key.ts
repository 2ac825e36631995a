import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import type { CryptoKey, JWK } from 'jose';

export interface SigningKey {
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK & { kid: string };
}

/** More than any one test takes, so that within a test no two are the same. */
const different = 8;

const made: Promise<{ readonly privateKey: CryptoKey; readonly jwk: JWK }>[] = [];
let taken = 0;

/** An RSA key under an id of its own. It takes a tenth of a second to make one: after eight the first comes again. */
export async function testSigningKey(): Promise<SigningKey> {
  const place = taken % different;
  taken += 1;
  const { privateKey, jwk } = await (made[place] ??= make());
  return { privateKey, publicJwk: { ...jwk, kid: randomUUID(), alg: 'RS256', use: 'sig' } };
}

async function make() {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  return { privateKey, jwk: await exportJWK(publicKey) };
}
