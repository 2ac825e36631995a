import type { TokenEndpointResponse } from 'openid-client';
import { Secret } from '#lib/secret/secret';
import type { TokenSet } from './token-set.js';

/** What was asked for, and when: epoch seconds. */
interface Asked {
  readonly issuedAt: number;
  readonly scopes: readonly string[];
  readonly dpopKey: Secret | undefined;
}

/** The tokens of an answer that openid-client found good. */
export function tokenSet(
  answer: TokenEndpointResponse & { claims(): unknown },
  { issuedAt, scopes, dpopKey }: Asked,
): TokenSet {
  const isBound = answer.token_type.toLowerCase() === 'dpop';
  return {
    accessToken: new Secret(answer.access_token),
    refreshToken: answer.refresh_token === undefined ? undefined : new Secret(answer.refresh_token),
    tokenType: isBound ? 'DPoP' : 'Bearer',
    dpopKey: isBound ? dpopKey : undefined,
    issuedAt,
    expiresAt: answer.expires_in === undefined ? undefined : issuedAt + answer.expires_in,
    scopes: answer.scope?.split(' ') ?? scopes,
    idTokenClaims: answer.claims() as Record<string, unknown> | undefined,
  };
}
