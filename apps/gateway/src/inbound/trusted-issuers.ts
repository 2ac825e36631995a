import type { IssuerConfig, UpstreamConfig } from '#lib/contract/config-snapshot';
import type { IssuerTrust } from '#lib/jwt/issuer-trust';
import { signInTrust } from '#lib/jwt/sign-in-trust';

/** Where the vault's own keys are, for the JWKS cache: no address, they come over the gateway's way to the vault. */
export const vaultKeys = 'vault:jwks';

export interface TrustedBy {
  readonly issuers: readonly IssuerConfig[];
  /** The vault's `iss`, where people consent as they sign in. */
  readonly signInIssuer: string | undefined;
  all(): readonly { readonly config: UpstreamConfig }[];
}

/** Corporate issuers, and the vault for the resources of upstreams where people consent as they sign in. */
export function trustedIssuers(catalogue: TrustedBy, publicUrl: string): readonly IssuerTrust[] {
  const { issuers: corporate, signInIssuer: issuer } = catalogue;
  if (issuer === undefined) return corporate;
  const resources = catalogue
    .all()
    .filter(({ config }) => config.consentAtSignIn === true)
    .map(({ config: { type, slug } }) => `${publicUrl}/${type}/${slug}`);
  return [...corporate, signInTrust({ issuer, jwksUri: vaultKeys, corporate, resources })];
}
