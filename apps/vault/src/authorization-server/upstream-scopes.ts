import { requiredScopes } from '../grants/domain/required-scopes.js';
import { union } from '../grants/domain/scope-set.js';
import { type GrantHolder, grantHolder } from '../grants/grant-holder.js';
import type { Upstream } from '../registry/domain/upstream.js';
import type { RegistrySnapshot, Stored } from '../registry/registry-snapshot.js';

export interface UpstreamScopes {
  readonly holder: GrantHolder;
  /** Each call needs these. */
  readonly scopes: readonly string[];
  /** All that may be asked for. */
  readonly offered: readonly string[];
}

/** What a person's connection to an upstream is kept under, and the scopes there. */
export function upstreamScopes(
  registry: RegistrySnapshot,
  upstream: Stored<Upstream>,
): UpstreamScopes | undefined {
  const holder = grantHolder(registry, upstream);
  if (holder === undefined) return undefined;
  const { credential } = upstream.document;
  const { oauthClient } = holder;
  const scopes =
    oauthClient !== undefined && credential.type === 'oauth'
      ? requiredScopes(credential, oauthClient.document)
      : [];
  const { scopes: all = [], optionalScopes = [] } = oauthClient?.document ?? {};
  return { holder, scopes, offered: union(scopes, all, optionalScopes) };
}
