import { compactVerify } from 'jose';
import type { CryptoKey } from 'jose';
import type { Refusal } from './caller.js';
import type { Claims } from './claim.js';
import type { IssuerTrust } from './issuer-trust.js';
import type { CachedKeyAnswer, JwksCache } from './jwks-cache.js';

/** Finds the issuer's key and checks the signature; for a header that passed its checks. */
export async function refuseSignature(
  token: string,
  header: Claims,
  trust: IssuerTrust,
  keys: JwksCache,
): Promise<Refusal | undefined> {
  const alg = String(header.alg);
  const kid = typeof header.kid === 'string' ? header.kid : undefined;
  const answer = await keys.keyFor(trust.jwksUri, { alg, kid });
  if ('missing' in answer) return refusals[answer.missing];
  return (await isSigned(token, answer.key, alg)) ? undefined : forged;
}

async function isSigned(token: string, key: CryptoKey, alg: string): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [alg] });
    return true;
  } catch {
    return false;
  }
}

type Missing = Extract<CachedKeyAnswer, { missing: string }>['missing'];

const refusals: Record<Missing, Refusal> = {
  'unknown-key': {
    reason: 'unknown-key',
    detail: 'The issuer has no such key.',
    fix: 'Compare the kid of the token with what jwksUri of this issuer publishes; a new key is seen within 30 seconds.',
  },
  'ambiguous-key': {
    reason: 'unknown-key',
    detail: 'The token names no key and the issuer has several.',
    fix: 'Have the issuer write kid into its tokens.',
  },
  'unusable-key': {
    reason: 'unknown-key',
    detail: 'The key of the issuer cannot be used.',
    fix: 'RSA keys need at least 2,048 bits, and the key must fit the algorithm.',
  },
  'keys-unavailable': {
    reason: 'keys-unavailable',
    detail: 'The keys of the issuer cannot be read at the moment.',
    fix: 'Open jwksUri of this issuer from this server: it must answer 200 with a JWKS.',
    transient: true,
  },
};

const forged: Refusal = {
  reason: 'signature',
  detail: 'The signature is not valid.',
  fix: 'The token was changed, cut off, or signed with a key that the issuer does not publish under this kid.',
};
