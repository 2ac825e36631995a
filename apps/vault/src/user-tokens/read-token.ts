import { Secret } from '#lib/secret/secret';
import type { TokenSet } from '../providers/token-set.js';
import { LinearPattern } from '../registry/domain/linear-pattern.js';

/** A brought token may be so long, whoever brings it. */
export const mostTokenBytes = 16_384;

/** Why a text cannot be kept as a token. */
export const tokenFaults = [
  'missing',
  'too-long',
  'not-one-line',
  'not-the-pattern',
  'expired',
] as const;
export type TokenFault = (typeof tokenFaults)[number];

export interface TokenRules {
  /** Of the whole token. */
  readonly pattern: string | undefined;
  /** Epoch seconds. */
  readonly now: number;
  /** Epoch seconds, where whoever brings it says so. */
  readonly expiresAt?: number | undefined;
}

// The last second of the year 9999: what is later says that it never ends.
const never = 253_402_300_799;
// RFC 9110 §5.5: what stands in a header, or in a query, as it is.
const visible = /^[\x21-\x7e]+$/;

/** A token as the person or their page brought it, in the shape in which a provider's is kept. */
export function readToken(
  given: string,
  { pattern, now, expiresAt }: TokenRules,
): { readonly token: TokenSet } | { readonly fault: TokenFault } {
  const text = given.trim();
  if (text === '') return { fault: 'missing' };
  if (Buffer.byteLength(text) > mostTokenBytes) return { fault: 'too-long' };
  if (!visible.test(text)) return { fault: 'not-one-line' };
  if (pattern !== undefined && !new LinearPattern(pattern).matches(text))
    return { fault: 'not-the-pattern' };
  const end = Math.min(expiresAt ?? Infinity, jwtExpiry(text) ?? Infinity);
  if (end <= now) return { fault: 'expired' };
  return {
    token: {
      accessToken: new Secret(text),
      refreshToken: undefined,
      tokenType: 'Bearer',
      issuedAt: now,
      expiresAt: end > never ? undefined : end,
      scopes: [],
      idTokenClaims: undefined,
    },
  };
}

/** RFC 7519 §4.1.4 of a token that happens to be a JWT. Nothing is verified: it is the service's to judge. */
function jwtExpiry(token: string): number | undefined {
  const [, payload, signature, ...rest] = token.split('.');
  if (payload === undefined || signature === undefined || rest.length > 0) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    if (typeof claims !== 'object' || claims === null || !('exp' in claims)) return undefined;
    return typeof claims.exp === 'number' ? claims.exp : undefined;
  } catch {
    return undefined;
  }
}
