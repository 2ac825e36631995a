import type { ConfigSnapshot, IssuerConfig, UpstreamConfig } from '#lib/contract/config-snapshot';
import type { ToolPolicy } from '#lib/contract/tool-policy';
import { formerNames } from '../registry/issuer-trust.js';
import type { Issuer } from '../registry/domain/issuer.js';
import type { MachineClient } from '../registry/domain/machine-client.js';
import type { Upstream } from '../registry/domain/upstream.js';
import { type Credential, oauthClientOf } from '../registry/domain/upstream-credential.js';
import type { ToolPolicyDocument } from '../registry/domain/upstream-tools.js';
import { signInResources } from '../registry/sign-in-resources.js';
import type { RegistrySnapshot } from '../registry/registry-snapshot.js';

/** What one machine client needs of the registry to decide and route, its own upstreams only. Holds no secret. */
export function gatewayConfig(
  registry: RegistrySnapshot,
  client: MachineClient,
  publicUrl: string,
): ConfigSnapshot {
  const signsIn = signInResources({
    ...registry,
    machineClients: [{ id: '', version: 0, document: client }],
  });
  return {
    ...(signsIn.length === 0 ? {} : { signIn: { issuer: publicUrl } }),
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
  const { subjectClaim, clientClaim, scopeHierarchy, unknownApplications } = issuer;
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
      scopeHierarchy,
      unknownApplications,
    },
  ];
}

function upstreamConfig(upstream: Upstream, registry: RegistrySnapshot): UpstreamConfig {
  const { slug, name, type, url, access, timeoutMs, prefix, toolChanges } = upstream;
  const { header, scheme, query } = upstream.inject;
  return {
    ...{ slug, name, type, url, access, timeoutMs, prefix, toolChanges },
    credential: credentialConfig(upstream.credential, registry),
    inject: query === undefined ? { header, scheme } : { header, scheme, query },
    tools: upstream.tools && toolPolicyOf(upstream.tools),
    callerHeader: upstream.callerHeader?.toLowerCase(),
    discovery: upstream.discoveryCredential !== undefined,
    public: upstream.publicCredential !== undefined,
    open: openFor(upstream),
    egress: upstream.egress,
    limits: upstream.limits,
    consentAtSignIn: upstream.consentAtSignIn,
    heldTools: heldTools(upstream, registry),
    toolInventory: toolInventory(upstream, registry),
  };
}

function credentialConfig(
  credential: Credential,
  registry: RegistrySnapshot,
): UpstreamConfig['credential'] {
  const { type } = credential;
  if (type === 'none') return { type };
  const own = 'scopes' in credential ? credential.scopes : undefined;
  const slug = oauthClientOf(credential);
  const client = slug === undefined ? undefined : registry.oauthClient(slug);
  return { type, scopes: own ?? client?.document.scopes ?? [] };
}

function heldTools({ slug, toolChanges }: Upstream, registry: RegistrySnapshot) {
  const id = toolChanges === 'hold' ? registry.upstream(slug)?.id : undefined;
  return id === undefined ? undefined : [...registry.heldTools(id)];
}

function toolInventory({ slug, toolChanges = 'ignore' }: Upstream, registry: RegistrySnapshot) {
  const id = toolChanges === 'ignore' ? undefined : registry.upstream(slug)?.id;
  return id && registry.toolInventory(id);
}

function openFor({ discoveryCredential, publicCredential }: Upstream): UpstreamConfig['open'] {
  return [
    ...(discoveryCredential?.type === 'none' ? (['discovery'] as const) : []),
    ...(publicCredential?.type === 'none' ? (['public'] as const) : []),
  ];
}

function toolPolicyOf({ default: otherwise, ...rules }: ToolPolicyDocument): ToolPolicy {
  return { default: otherwise, rules };
}
