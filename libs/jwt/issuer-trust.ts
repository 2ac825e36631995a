/** How the tokens of one issuer are verified. The lists are exact: what is not in them is refused. */
export interface IssuerTrust {
  readonly slug: string;
  /** Compared byte by byte with `iss`: `https://idp.example` is not `https://idp.example/`. */
  readonly issuer: string;
  /** Further `iss` values of the same directory (Entra v1 and v2). */
  readonly alsoIssuedAs: readonly string[];
  /** Names that it had before it moved, each accepted for a while yet. */
  readonly formerly?: readonly FormerIssuer[];
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
  /** What each scope implies beside itself: broader ones satisfy what asks for a narrower one. */
  readonly scopeHierarchy?: Readonly<Record<string, readonly string[]>>;
  /** Counted from `iat`; by default 86,400. */
  readonly maxTokenAgeSeconds?: number;
  /** The vault alone: its tokens are about people of these issuers, at these resources. */
  readonly speaksFor?: {
    readonly issuers: readonly Pick<IssuerTrust, 'slug' | 'scopeHierarchy'>[];
    readonly resources: readonly string[];
  };
}

/** A name that an issuer no longer has. */
export interface FormerIssuer {
  readonly issuer: string;
  /** Epoch seconds: from then on a token of this name is nobody's. */
  readonly until: number;
  /** Where the keys of its tokens are, where the issuer moved to new keys. */
  readonly jwksUri?: string;
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

/** Whether the issuer owns this `iss` value at this moment (epoch seconds), byte by byte. */
export function isIssuedBy(trust: IssuerTrust, iss: unknown, now: number): boolean {
  if (iss === trust.issuer) return true;
  if (typeof iss === 'string' && trust.alsoIssuedAs.includes(iss)) return true;
  const former = formerName(trust, iss);
  return former !== undefined && now < former.until;
}

/** The former name that a token bears; undefined where it bears one that the issuer has. */
export function formerName(trust: IssuerTrust, iss: unknown): FormerIssuer | undefined {
  if (iss === trust.issuer) return undefined;
  return trust.formerly?.find(({ issuer }) => issuer === iss);
}

/** Where the keys of tokens of this name are. */
export function jwksUriOf(trust: IssuerTrust, iss: unknown): string {
  return formerName(trust, iss)?.jwksUri ?? trust.jwksUri;
}
