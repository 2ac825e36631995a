import type { Secret } from '#lib/secret/secret';

/** A successful token answer of an authorization server, normalised. Times are epoch seconds. */
export interface TokenSet {
  readonly accessToken: Secret;
  readonly refreshToken: Secret | undefined;
  /** `Bearer` or `DPoP`. */
  readonly tokenType: string;
  /** The key that a DPoP token is bound to, as a private JWK in JSON. */
  readonly dpopKey?: Secret | undefined;
  readonly issuedAt: number;
  /** Undefined where the server names no lifetime. */
  readonly expiresAt: number | undefined;
  /** As granted; equal to what was asked when the server names none (RFC 6749 §5.1). */
  readonly scopes: readonly string[];
  readonly idTokenClaims: Readonly<Record<string, unknown>> | undefined;
  /** What the provider's template keeps of the answer, or looked up: by name, never a secret. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Where the token answer itself says whose it is. */
  readonly account?: UpstreamAccount | undefined;
}

/** Who the person is at the upstream authorization server. */
export interface UpstreamAccount {
  readonly subject: string;
  readonly name: string | undefined;
}
