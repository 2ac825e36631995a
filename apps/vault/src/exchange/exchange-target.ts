import type { MachineClient } from '../registry/domain/machine-client.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Upstream } from '../registry/domain/upstream.js';
import type { RegistrySnapshot, Stored } from '../registry/registry-snapshot.js';
import { requiredScopes } from '../grants/domain/required-scopes.js';
import { covers, union } from '../grants/domain/scope-set.js';
import type { ExchangeParameters, OAuthRefusal } from './domain/exchange-parameters.js';

/** What is asked for: the upstream, whose registration there, with which scopes. */
export interface ExchangeTarget {
  readonly upstream: Stored<Upstream>;
  readonly oauthClient: Stored<OAuthClient>;
  /** Row id of the upstream, or '' where its oauth client's grants are shared. */
  readonly partition: string;
  /** What the call needs: the upstream's own scopes, and what was asked beside them. */
  readonly scopes: readonly string[];
  /** All that may be asked for here; nothing else is, whoever names it. */
  readonly offered: readonly string[];
  /** RFC 8707; '' for none. */
  readonly resource: string;
}

// The same words for what does not exist and for what is not listed: the registry is not to be explored.
const unknownTarget: OAuthRefusal = {
  error: 'invalid_target',
  description: 'This client may not ask for that upstream, or there is none by that name.',
};

/** The upstream that `target` names, if this client's list holds it. */
export function upstreamFor(
  registry: RegistrySnapshot,
  client: MachineClient,
  target: ExchangeParameters['target'],
): Stored<Upstream> | OAuthRefusal {
  const named =
    'audience' in target
      ? registry.upstreams.filter(({ document }) => document.slug === target.audience)
      : registry.upstreams.filter(({ document }) => document.url === target.resource);
  const listed = named.filter(
    ({ document }) => client.upstreams === '*' || client.upstreams.includes(document.slug),
  );
  if (listed.length > 1)
    return {
      error: 'invalid_target',
      description: 'Several upstreams have this URL: use audience.',
    };
  return listed[0] ?? unknownTarget;
}

/** How a token for this upstream is got, and with which scopes. */
export function exchangeTarget(
  registry: RegistrySnapshot,
  upstream: Stored<Upstream>,
  asked: readonly string[],
): ExchangeTarget | OAuthRefusal {
  const { credential } = upstream.document;
  if (credential.type === 'none')
    return {
      error: 'invalid_target',
      description: 'This upstream takes no credential; call it without one.',
    };
  if (credential.type !== 'oauth')
    return {
      error: 'invalid_target',
      description: `A credential of the type ${credential.type} is not exchanged in this version.`,
    };
  const oauthClient = registry.oauthClient(credential.oauthClient);
  if (oauthClient === undefined) return unknownTarget;
  const required = requiredScopes(credential, oauthClient.document);
  const { scopes, optionalScopes } = oauthClient.document;
  const offered = union(required, scopes, optionalScopes);
  if (!covers(offered, asked))
    return {
      error: 'invalid_scope',
      description: 'A scope is asked for that neither the upstream nor its oauth client lists.',
    };
  return {
    upstream,
    oauthClient,
    partition: oauthClient.document.sharing === 'shared' ? '' : upstream.id,
    scopes: union(required, asked),
    offered,
    resource: credential.resource ?? '',
  };
}
