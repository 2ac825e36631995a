import { requiredScopes } from '../grants/domain/required-scopes.js';
import { type GrantHolder, grantHolder } from '../grants/grant-holder.js';
import type { Upstream } from '../registry/domain/upstream.js';
import type { RegistrySnapshot, Stored } from '../registry/registry-snapshot.js';

/** What a person's connection to an upstream is kept under, and the scopes there that each call needs. */
export function upstreamScopes(
  registry: RegistrySnapshot,
  upstream: Stored<Upstream>,
): { readonly holder: GrantHolder; readonly scopes: readonly string[] } | undefined {
  const holder = grantHolder(registry, upstream);
  if (holder === undefined) return undefined;
  const { credential } = upstream.document;
  const { oauthClient } = holder;
  const scopes =
    oauthClient !== undefined && credential.type === 'oauth'
      ? requiredScopes(credential, oauthClient.document)
      : [];
  return { holder, scopes };
}
