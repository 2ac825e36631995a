import { compactVerify } from 'jose';
import type { CryptoKey } from 'jose';
import type { Refusal } from './caller.js';
import type { Claims } from './claim.js';
import type { IssuerTrust } from './issuer-trust.js';
import type { CachedKeyAnswer, JwksCache } from './jwks-cache.js';

/** A key of the issuer that a token may be signed with. */
export interface FoundKey {
  readonly key: CryptoKey;
  readonly alg: string;
}

/** Finds the issuer's key and checks the signature; for a header that passed its checks. */
export async function refuseSignature(
  token: string,
  header: Claims,
  trust: IssuerTrust,
  keys: JwksCache,
): Promise<Refusal | undefined> {
  const found = await findKey(header, trust, keys);
  return 'refusal' in found ? found.refusal : await refuseForged(token, found);
}

/** The key that the header names among those of the issuer; nothing is computed with it yet. */
export async function findKey(
  header: Claims,
  trust: IssuerTrust,
  keys: JwksCache,
): Promise<FoundKey | { readonly refusal: Refusal }> {
  const alg = String(header.alg);
  const kid = typeof header.kid === 'string' ? header.kid : undefined;
  const answer = await keys.keyFor(trust.jwksUri, { alg, kid });
  return 'missing' in answer ? { refusal: refusals[answer.missing] } : { key: answer.key, alg };
}

/** Computes the signature: what costs most of all that is done for a token. */
export async function refuseForged(
  token: string,
  { key, alg }: FoundKey,
): Promise<Refusal | undefined> {
  try {
    await compactVerify(token, key, { algorithms: [alg] });
    return undefined;
  } catch {
    return forged;
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
