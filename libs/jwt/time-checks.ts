import type { Refusal } from './caller.js';
import type { Claims } from './claim.js';
import { type Check, clockSkewSeconds, defaultMaxTokenAgeSeconds } from './check.js';
import type { IssuerTrust } from './issuer-trust.js';

/** `exp`, `nbf`, `iat` and the token's age, each within 30 s of skew. */
export const timeChecks: readonly Check[] = [
  {
    name: 'exp',
    value: ({ claims }) => claims.exp,
    refuse({ claims: { exp }, now }) {
      if (!isNumericDate(exp)) return notADate('exp');
      return now >= exp + clockSkewSeconds ? expired : undefined;
    },
    passes: 'The token has not expired.',
  },
  {
    name: 'nbf',
    value: ({ claims }) => claims.nbf,
    refuse({ claims: { nbf }, now }) {
      if (nbf === undefined) return undefined;
      if (!isNumericDate(nbf)) return notADate('nbf');
      return nbf > now + clockSkewSeconds ? notYetValid : undefined;
    },
    passes: 'The token may be used already.',
  },
  {
    name: 'iat',
    value: ({ claims }) => claims.iat,
    refuse({ claims: { iat, exp }, now }) {
      if (!isNumericDate(iat)) return notADate('iat');
      if (isNumericDate(exp) && exp <= iat) return endsBeforeItBegins;
      return iat > now + clockSkewSeconds ? issuedInFuture : undefined;
    },
    passes: 'The token was issued in the past.',
  },
  {
    name: 'age',
    value: ({ claims, now }) =>
      isNumericDate(claims.iat) ? `${Math.round(now - claims.iat)} s` : undefined,
    refuse({ claims: { iat }, trust, now }) {
      return isNumericDate(iat) && now >= iat + maxAge(trust) + clockSkewSeconds
        ? tooOld
        : undefined;
    },
    passes: 'The token is younger than the maximum age.',
  },
];

/** `exp`, or where the issuer's maximum age ends; for claims that passed the checks. */
export function expiresAt({ exp, iat }: Claims, trust: IssuerTrust): number {
  return Math.min(Number(exp), Number(iat) + maxAge(trust));
}

function maxAge(trust: IssuerTrust): number {
  return trust.maxTokenAgeSeconds ?? defaultMaxTokenAgeSeconds;
}

// RFC 7519 §2: a JSON number of seconds, fractions allowed.
function isNumericDate(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

function notADate(claim: string): Refusal {
  return {
    reason: 'invalid-claim',
    detail: `The claim ${claim} is missing or not a number of seconds.`,
    fix: `Have the issuer write ${claim} as a JSON number (RFC 7519).`,
  };
}

const expired: Refusal = {
  reason: 'expired',
  detail: 'The token has expired.',
  fix: 'Get a new access token.',
};
const notYetValid: Refusal = {
  reason: 'not-yet-valid',
  detail: 'The token is not valid yet.',
  fix: 'Compare the clocks of the issuer and of this server.',
};
const issuedInFuture: Refusal = {
  reason: 'issued-in-future',
  detail: 'The token was issued in the future.',
  fix: 'Compare the clocks of the issuer and of this server.',
};
const endsBeforeItBegins: Refusal = {
  reason: 'invalid-claim',
  detail: 'The token expires before it was issued.',
};
const tooOld: Refusal = {
  reason: 'too-old',
  detail: 'The token was issued too long ago.',
  fix: 'Get a new access token; long-lived ones are not accepted.',
};
