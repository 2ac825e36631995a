import { createHash } from 'node:crypto';
import { requiredScopes } from '../grants/domain/required-scopes.js';
import type { GrantKey } from '../grants/grants.js';
import type { Issuer } from '../registry/domain/issuer.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Upstream } from '../registry/domain/upstream.js';
import type { RegistrySnapshot, Stored } from '../registry/registry-snapshot.js';
import { type ImportItem, readImportItem } from './import-item.js';

/** An item that fits the registry. */
export interface PlannedImport {
  readonly item: ImportItem;
  readonly key: GrantKey;
  readonly client: Stored<OAuthClient>;
  readonly scopes: readonly string[];
  /** RFC 8707, of the upstream's credential. */
  readonly resource: string | undefined;
  /** What the applications that the person has allowed may use; absent without any. */
  readonly consent: { readonly upstreamId: string; readonly scopes: readonly string[] } | undefined;
}

/** The same refresh token, or the same grant, twice in one call: the first counts. */
export interface SeenBefore {
  readonly tokens: Map<string, number>;
  readonly grants: Map<string, number>;
}

/** What an item comes to in this registry, or in a sentence why it is refused. */
export function planImport(
  value: unknown,
  registry: RegistrySnapshot,
  seen: SeenBefore,
  index: number,
): PlannedImport | string {
  const item = readImportItem(value);
  if (typeof item === 'string') return item;
  const planned = fit(item, registry);
  if (typeof planned === 'string') return planned;
  const { issuerId, subject, oauthClientId, partition } = planned.key;
  const grant = JSON.stringify([issuerId, subject, oauthClientId, partition]);
  const token = createHash('sha256').update(item.refreshToken.reveal()).digest('base64');
  const sameToken = seen.tokens.get(token);
  if (sameToken !== undefined)
    return `Item ${sameToken} has the same refresh token. A provider that replaces used tokens would end both.`;
  const sameGrant = seen.grants.get(grant);
  if (sameGrant !== undefined) return `Item ${sameGrant} is of the same person and connection.`;
  seen.tokens.set(token, index);
  seen.grants.set(grant, index);
  return planned;
}

function fit(item: ImportItem, registry: RegistrySnapshot): PlannedImport | string {
  const issuer = registry.issuer(item.issuer);
  if (issuer === undefined) return `There is no issuer "${item.issuer}".`;
  const client = registry.oauthClient(item.oauthClient);
  if (client === undefined) return `There is no oauth client "${item.oauthClient}".`;
  const target = targetOf(item, client, registry);
  if (typeof target === 'string') return target;
  const blocked = notAllowed(item, issuer.document, registry);
  if (blocked !== undefined) return blocked;
  const partition = client.document.sharing === 'shared' ? '' : (target?.id ?? '');
  const credential = target?.document.credential;
  const oauth = credential?.type === 'oauth' ? credential : undefined;
  return {
    item,
    client,
    key: { issuerId: issuer.id, subject: item.subject, oauthClientId: client.id, partition },
    scopes: item.scopes ?? client.document.scopes,
    resource: oauth?.resource,
    consent: target && {
      upstreamId: target.id,
      scopes: requiredScopes(oauth ?? {}, client.document),
    },
  };
}

function targetOf(
  item: ImportItem,
  { document: client }: Stored<OAuthClient>,
  registry: RegistrySnapshot,
): Stored<Upstream> | undefined | string {
  if (item.upstream === undefined) {
    if (client.sharing !== 'shared')
      return `Name the upstream: each has its own grant at oauth client "${client.slug}".`;
    return item.consentedApplications.length > 0
      ? 'Name the upstream that these applications were allowed.'
      : undefined;
  }
  const upstream = registry.upstream(item.upstream);
  if (upstream === undefined) return `There is no upstream "${item.upstream}".`;
  const { credential } = upstream.document;
  return credential.type === 'oauth' && credential.oauthClient === client.slug
    ? upstream
    : `The upstream "${item.upstream}" does not use the oauth client "${client.slug}".`;
}

function notAllowed(
  { consentedApplications }: ImportItem,
  { slug, unknownApplications }: Issuer,
  registry: RegistrySnapshot,
): string | undefined {
  const refused = consentedApplications.find((application) => {
    const { trust } = registry.standing(slug, application);
    return trust === 'blocked' || (trust === 'unknown' && unknownApplications === 'refuse');
  });
  return refused === undefined
    ? undefined
    : `The application ${JSON.stringify(refused.slice(0, 100))} may not use anything here.`;
}
