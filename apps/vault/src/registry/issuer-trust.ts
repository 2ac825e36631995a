import type { FormerIssuer, IssuerTrust } from '#lib/jwt/issuer-trust';
import type { Issuer } from './domain/issuer.js';
import type { RegistrySnapshot } from './registry-snapshot.js';

/** An issuer as libs/jwt verifies its tokens; undefined while nobody knows its keys. */
export function issuerTrust(issuer: Issuer): IssuerTrust | undefined {
  const { jwksUri } = issuer;
  return jwksUri === undefined ? undefined : { ...issuer, jwksUri, formerly: formerNames(issuer) };
}

export function formerNames({ formerly }: Issuer): FormerIssuer[] {
  return formerly.map(({ acceptUntil, ...former }) => ({
    ...former,
    until: Date.parse(acceptUntil) / 1000,
  }));
}

/** All issuers whose tokens can be verified. */
export function trustedIssuers({ issuers }: RegistrySnapshot): readonly IssuerTrust[] {
  return issuers.flatMap(({ document }) => issuerTrust(document) ?? []);
}
