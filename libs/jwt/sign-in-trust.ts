import { audiencesOf } from './audience.js';
import type { Refusal } from './caller.js';
import type { Check } from './check.js';
import type { IssuerTrust } from './issuer-trust.js';

/** In tokens of the vault: slug of the corporate issuer that vouched for the person. In other tokens it says nothing. */
export const corporateIssuerClaim = 'corporate_issuer';

export interface SignInIssuer {
  /** The vault's public URL, its `iss`. */
  readonly issuer: string;
  readonly jwksUri: string;
  readonly corporate: NonNullable<IssuerTrust['speaksFor']>['issuers'];
  /** Resources of upstreams where people consent as they sign in: what such a token may be for, and nothing else. */
  readonly resources: readonly string[];
}

/** How the tokens that the vault mints at sign-in are verified (RFC 9068): as those of nobody else. */
export function signInTrust({ issuer, jwksUri, corporate, resources }: SignInIssuer): IssuerTrust {
  return {
    slug: '',
    issuer,
    jwksUri,
    alsoIssuedAs: [],
    algorithms: ['ES256'],
    tokenTypes: ['at+jwt'],
    audiences: [],
    subjectClaim: 'sub',
    clientClaim: 'client_id',
    maxTokenAgeSeconds: 900,
    speaksFor: { issuers: corporate, resources },
  };
}

/** The corporate issuer that such a token speaks for; undefined where it names none that is registered. */
export function spokenFor(trust: IssuerTrust, claims: Readonly<Record<string, unknown>>) {
  const slug = claims[corporateIssuerClaim];
  return trust.speaksFor?.issuers.find((one) => one.slug === slug);
}

/** Only the vault speaks for others, and only at the one resource that its token was minted for. */
export const spokenForCheck: Check = {
  name: corporateIssuerClaim,
  refuse({ claims, trust }) {
    if (trust.speaksFor === undefined) return undefined;
    const aud = audiencesOf(claims.aud);
    const [resource] = aud ?? [];
    if (
      aud?.length !== 1 ||
      resource === undefined ||
      !trust.speaksFor.resources.includes(resource)
    )
      return elsewhere;
    return spokenFor(trust, claims) === undefined ? unknownCorporate : undefined;
  },
  passes: 'The token is of the issuer itself.',
};

const elsewhere: Refusal = {
  reason: 'audience',
  detail: 'The token was issued for another audience.',
};
const unknownCorporate: Refusal = {
  reason: 'unknown-issuer',
  detail: 'The issuer of the token is not known here.',
};
