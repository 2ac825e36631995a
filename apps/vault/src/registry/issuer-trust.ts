import { signInTrust } from '#lib/jwt/sign-in-trust';
import type { FormerIssuer, IssuerTrust } from '#lib/jwt/issuer-trust';
import { accessTokenJwksUri } from './access-token-keys.js';
import type { Issuer } from './domain/issuer.js';
import type { RegistrySnapshot } from './registry-snapshot.js';
import { signInResources } from './sign-in-resources.js';

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

/** All issuers whose tokens can be verified; the vault itself where people consent as they sign in. */
export function trustedIssuers(
  registry: RegistrySnapshot,
  publicUrl: string,
): readonly IssuerTrust[] {
  const corporate = registry.issuers.flatMap(({ document }) => issuerTrust(document) ?? []);
  const resources = signInResources(registry).map(({ resource }) => resource);
  if (resources.length === 0) return corporate;
  const jwksUri = accessTokenJwksUri(publicUrl);
  return [...corporate, signInTrust({ issuer: publicUrl, jwksUri, corporate, resources })];
}
