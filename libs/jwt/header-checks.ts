import type { Refusal } from './caller.js';
import type { Check } from './check.js';
import { signatureAlgorithms } from './issuer-trust.js';

// x5c and x5t stay harmless: keys come from the pinned JWKS only. These three invite a fetch or bring a key along.
const embeddedKeys = ['jwk', 'jku', 'x5u'];
const maxKidLength = 512;

/** The rules for the JOSE header, before any key is looked up. */
export const headerChecks: readonly Check[] = [
  {
    name: 'crit',
    refuse: ({ header }) => (Object.hasOwn(header, 'crit') ? critical : undefined),
    passes: 'No extension is marked critical.',
  },
  {
    name: 'jwk, jku, x5u',
    refuse: ({ header }) =>
      embeddedKeys.some((name) => Object.hasOwn(header, name)) ? embedded : undefined,
    passes: 'The token brings no key of its own.',
  },
  {
    name: 'alg',
    value: ({ header }) => header.alg,
    refuse: ({ header, trust }) =>
      isAccepted(header.alg, trust.algorithms) ? undefined : algorithm,
    passes: 'The algorithm is accepted for this issuer.',
  },
  {
    name: 'typ',
    value: ({ header }) => header.typ,
    refuse: ({ header, trust }) => (isType(header.typ, trust.tokenTypes) ? undefined : tokenType),
    passes: 'The type is accepted for this issuer.',
  },
  {
    name: 'kid',
    value: ({ header }) => header.kid,
    refuse: ({ header }) => (isKid(header.kid) ? undefined : unknownKid),
    passes: 'The key id is well-formed.',
  },
];

function isAccepted(alg: unknown, listed: readonly string[]): boolean {
  // Even an admin's list cannot bring in `none` or a symmetric algorithm.
  return signatureAlgorithms.some((possible) => possible === alg) && listed.includes(String(alg));
}

function isType(typ: unknown, listed: readonly string[]): boolean {
  if (typ === undefined) return listed.includes('');
  return (
    typeof typ === 'string' &&
    typ !== '' &&
    listed.some((one) => one !== '' && mediaType(one) === mediaType(typ))
  );
}

/** RFC 7515 §4.1.9: case does not matter, and `application/` may be left out. */
export function mediaType(typ: string): string {
  const lower = typ.toLowerCase();
  return lower.includes('/') ? lower : `application/${lower}`;
}

function isKid(kid: unknown): boolean {
  return kid === undefined || (typeof kid === 'string' && kid.length <= maxKidLength);
}

const critical: Refusal = {
  reason: 'critical-header',
  detail: 'The token marks an extension as critical that is not understood.',
};
const embedded: Refusal = {
  reason: 'embedded-key',
  detail: 'The token brings its own key or points to one.',
};
const algorithm: Refusal = {
  reason: 'algorithm',
  detail: 'The token is signed with an algorithm that is not accepted.',
  fix: 'List the algorithm in algorithms of this issuer if the issuer really signs with it. none and HS256 are never accepted.',
};
const tokenType: Refusal = {
  reason: 'token-type',
  detail: 'The type in the token header is not accepted.',
  fix: 'List the type in tokenTypes of this issuer; an empty string there admits tokens without one.',
};
const unknownKid: Refusal = {
  reason: 'unknown-key',
  detail: 'The key id in the token header is not a short string.',
};
