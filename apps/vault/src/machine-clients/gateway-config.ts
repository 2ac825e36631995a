import type { ConfigSnapshot, IssuerConfig, UpstreamConfig } from '#lib/contract/config-snapshot';
import { formerNames } from '../registry/issuer-trust.js';
import type { Issuer } from '../registry/domain/issuer.js';
import type { MachineClient } from '../registry/domain/machine-client.js';
import type { Upstream } from '../registry/domain/upstream.js';
import type { RegistrySnapshot } from '../registry/registry-snapshot.js';

/** What one machine client needs of the registry to decide and route, its own upstreams only. Holds no secret. */
export function gatewayConfig(registry: RegistrySnapshot, client: MachineClient): ConfigSnapshot {
  return {
    version: String(registry.version),
    issuers: registry.issuers.flatMap(({ document }) => issuerConfig(document)),
    applications: registry.applications.map(({ document }) => {
      const { issuer, clientId, pattern, name, trust } = document;
      return { issuer, clientId, pattern, name, trust };
    }),
    upstreams: registry.upstreams
      .map(({ document }) => document)
      .filter(({ slug }) => client.upstreams === '*' || client.upstreams.includes(slug))
      .map((upstream) => upstreamConfig(upstream, registry)),
  };
}

function issuerConfig(issuer: Issuer): IssuerConfig[] {
  const { jwksUri, slug, alsoIssuedAs, algorithms, tokenTypes, audiences, baseScopes } = issuer;
  if (jwksUri === undefined) return [];
  const { subjectClaim, clientClaim, unknownApplications } = issuer;
  return [
    {
      slug,
      issuer: issuer.issuer,
      alsoIssuedAs,
      formerly: formerNames(issuer),
      jwksUri,
      algorithms,
      tokenTypes,
      audiences,
      baseScopes,
      subjectClaim,
      clientClaim,
      unknownApplications,
    },
  ];
}

function upstreamConfig(upstream: Upstream, registry: RegistrySnapshot): UpstreamConfig {
  const { slug, name, type, url, access, credential, timeoutMs } = upstream;
  const inject = { header: upstream.inject.header, scheme: upstream.inject.scheme };
  const shared = { slug, name, type, url, access, inject, discovery: false, timeoutMs };
  if (credential.type === 'none') return { ...shared, credential: { type: 'none' } };
  const scopes =
    credential.scopes ?? registry.oauthClient(credential.oauthClient)?.document.scopes ?? [];
  return { ...shared, credential: { type: 'oauth', scopes } };
}
