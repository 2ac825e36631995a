import { compactVerify } from 'jose';
import { parseCompactToken } from '#lib/jwt/compact-token';
import type { Claims } from '#lib/jwt/claim';
import { signatureAlgorithms } from '#lib/jwt/issuer-trust';
import type { KeyHeader } from '#lib/jwt/issuer-keys';
import type { CachedKeyAnswer } from '#lib/jwt/jwks-cache';

const maxLifeSeconds = 60;
const maxWorkloadLifeSeconds = 24 * 60 * 60;
const skewSeconds = 10;
// Keys are those of the registration; a header that brings or names others is an attack or a mistake.
const foreignKeyHeaders = ['jwk', 'jku', 'x5u', 'x5c', 'crit'];

export interface AssertionExpectation {
  /** The vault's issuer name: the one audience, so that an assertion for another server is no use here. */
  readonly audience: string;
  /** Epoch seconds. */
  readonly now: number;
  /** A cluster's token names its one audience in a list, and lives as long as the cluster says, a day at most. */
  readonly ofWorkload: boolean;
}

/** Whom an assertion claims to speak for, before anybody has vouched for it. */
export function claimedClient(
  assertion: string,
): { readonly issuer: string; readonly subject: string } | undefined {
  const parsed = parseCompactToken(assertion);
  if ('refusal' in parsed) return undefined;
  const { iss, sub } = parsed.claims;
  return typeof iss === 'string' && typeof sub === 'string'
    ? { issuer: iss, subject: sub }
    : undefined;
}

/** RFC 7523 §3 with our narrower terms. Undefined when it counts, else why not; the detail is for the log. */
export async function refuseAssertion(
  assertion: string,
  expected: AssertionExpectation,
  keyFor: (header: KeyHeader) => Promise<CachedKeyAnswer>,
): Promise<string | undefined> {
  const parsed = parseCompactToken(assertion);
  if ('refusal' in parsed) return parsed.refusal.detail;
  const { header, claims } = parsed;
  const refusal = headerRefusal(header) ?? claimsRefusal(claims, expected);
  if (refusal !== undefined) return refusal;
  const alg = String(header['alg']);
  const kid = typeof header['kid'] === 'string' ? header['kid'] : undefined;
  const answer = await keyFor({ alg, kid });
  if ('missing' in answer) return `The registered keys do not help: ${answer.missing}.`;
  return compactVerify(assertion, answer.key, { algorithms: [alg] }).then(
    () => undefined,
    () => 'The signature is not valid.',
  );
}

function headerRefusal(header: Claims): string | undefined {
  const known: readonly string[] = signatureAlgorithms;
  if (typeof header['alg'] !== 'string' || !known.includes(header['alg']))
    return 'The algorithm is not an asymmetric one.';
  const foreign = foreignKeyHeaders.find((name) => Object.hasOwn(header, name));
  return foreign === undefined ? undefined : `The header ${foreign} is not accepted.`;
}

function claimsRefusal({ aud, exp, iat, nbf }: Claims, expected: AssertionExpectation) {
  const { audience, now, ofWorkload } = expected;
  const named = ofWorkload && Array.isArray(aud) && aud.length === 1 ? (aud[0] as unknown) : aud;
  if (named !== audience) return 'aud must be the public URL of the vault alone, as a string.';
  if (!isNumber(exp) || now >= exp + skewSeconds) return 'exp is missing or over.';
  if (!isNumber(iat) || iat > now + skewSeconds) return 'iat is missing or in the future.';
  if (!ofWorkload && exp - iat > maxLifeSeconds) return 'It lives longer than 60 seconds.';
  if (exp - iat > maxWorkloadLifeSeconds) return 'It lives longer than a day.';
  if (nbf !== undefined && (!isNumber(nbf) || nbf > now + skewSeconds))
    return 'nbf is in the future.';
  return undefined;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
