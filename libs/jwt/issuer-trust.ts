/** How the tokens of one issuer are verified. The lists are exact: what is not in them is refused. */
export interface IssuerTrust {
  readonly slug: string;
  /** Compared byte by byte with `iss`: `https://idp.example` is not `https://idp.example/`. */
  readonly issuer: string;
  /** Further `iss` values of the same directory (Entra v1 and v2). */
  readonly alsoIssuedAs: readonly string[];
  /** Pinned: no token says where its keys are. */
  readonly jwksUri: string;
  readonly algorithms: readonly string[];
  /** Values of the header's `typ`; the empty string admits tokens without one (Cognito). */
  readonly tokenTypes: readonly string[];
  /** `aud` values accepted besides the gateway's own resource URLs. */
  readonly audiences: readonly string[];
  /** Claim name or RFC 6901 pointer of what identifies the person. */
  readonly subjectClaim: string;
  /** Claim name or RFC 6901 pointer of the client id; by default `client_id`, `azp`, `appid`, `cid`. */
  readonly clientClaim?: string;
  /** Counted from `iat`; by default 86,400. */
  readonly maxTokenAgeSeconds?: number;
}

/** What an issuer's `algorithms` may name at all: asymmetric signatures. `none` and HS* are never among them. */
export const signatureAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

export const defaultAlgorithms: readonly string[] = [
  'RS256',
  'PS256',
  'ES256',
  'ES384',
  'EdDSA',
  'Ed25519',
];

/** RFC 9068 §2.1, and `JWT` for the many issuers that are older than it. */
export const defaultTokenTypes: readonly string[] = ['at+jwt', 'application/at+jwt', 'JWT'];

/** Whether the issuer owns this `iss` value, byte by byte. */
export function isIssuedBy(trust: IssuerTrust, iss: unknown): boolean {
  return iss === trust.issuer || (typeof iss === 'string' && trust.alsoIssuedAs.includes(iss));
}
