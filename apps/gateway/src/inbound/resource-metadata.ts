import type { IssuerConfig } from '#lib/contract/config-snapshot';

const wellKnown = '/.well-known/oauth-protected-resource';
const resourcePath = /^\/(?:mcp|mcp\/[a-z0-9][a-z0-9-]{0,62}|http\/[a-z0-9][a-z0-9-]{0,62})$/;

/** RFC 9728 §3.1: where the metadata of a resource is, its path inserted after the well-known name. */
export function metadataUrl(publicUrl: string, path: string): string {
  return `${publicUrl}${wellKnown}${path}`;
}

/** The protected resource that a metadata path speaks of: '' the gateway; undefined if it is none. */
export function describedResource(path: string): string | undefined {
  if (!path.startsWith(wellKnown)) return undefined;
  const resource = path.slice(wellKnown.length);
  return resource === '' || resourcePath.test(resource) ? resource : undefined;
}

/**
 * RFC 9728 §2. The answer does not depend on whether the upstream exists: that is told after
 * authentication only.
 */
export function resourceMetadata(
  publicUrl: string,
  path: string,
  issuers: readonly IssuerConfig[],
  signInIssuer?: string,
) {
  const scopes = challengeScopes(issuers);
  return {
    resource: `${publicUrl}${path}`,
    // Most clients take the first; tokens of all of them are good here.
    authorization_servers: [
      ...(signInIssuer === undefined ? [] : [signInIssuer]),
      ...issuers.map(({ issuer }) => issuer),
    ],
    ...(scopes.length === 0 ? {} : { scopes_supported: scopes }),
    bearer_methods_supported: ['header'],
    resource_name: 'Symbolon',
  };
}

/** What clients should ask for so that their token carries our audience, and what one call needs `beside`. */
export function challengeScopes(
  issuers: readonly IssuerConfig[],
  beside: readonly string[] = [],
): string[] {
  const scopes = new Set([...issuers.flatMap(({ baseScopes }) => baseScopes), ...beside]);
  // Whether a client may refresh is between it and its issuer: never in a challenge or scopes_supported.
  scopes.delete('offline_access');
  return [...scopes];
}
