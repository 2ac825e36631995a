import { isBrought } from '../registry/domain/brought-credential.js';
import type { MachineClient } from '../registry/domain/machine-client.js';
import type { Upstream } from '../registry/domain/upstream.js';
import { toolScopes } from '../registry/domain/policy-rules.js';
import type { RegistrySnapshot, Stored } from '../registry/registry-snapshot.js';
import { type GrantHolder, grantHolder } from '../grants/grant-holder.js';
import { requiredScopes } from '../grants/domain/required-scopes.js';
import { covers, union } from '../grants/domain/scope-set.js';
import type { ExchangeParameters, OAuthRefusal } from './domain/exchange-parameters.js';

/** What is asked for: the upstream, what its grants are kept under, with which scopes. */
export interface ExchangeTarget {
  readonly upstream: Stored<Upstream>;
  readonly holder: GrantHolder;
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
  const listed = named(registry, target).filter(
    ({ document }) => client.upstreams === '*' || client.upstreams.includes(document.slug),
  );
  if (listed.length > 1)
    return {
      error: 'invalid_target',
      description: 'Several upstreams have this URL: use audience.',
    };
  return listed[0] ?? unknownTarget;
}

function named(
  registry: RegistrySnapshot,
  target: ExchangeParameters['target'],
): readonly Stored<Upstream>[] {
  if ('resource' in target)
    return registry.upstreams.filter(({ document }) => document.url === target.resource);
  const upstream = registry.upstream(target.audience);
  return upstream === undefined ? [] : [upstream];
}

type Targets = Map<Stored<Upstream>, ExchangeTarget | OAuthRefusal>;

/** Of calls that ask for nothing beside the upstream's own scopes, worked out once per registry. */
const plainTargets = new WeakMap<RegistrySnapshot, Targets>();

/** How a token for this upstream is got, and with which scopes. */
export function exchangeTarget(
  registry: RegistrySnapshot,
  upstream: Stored<Upstream>,
  asked: readonly string[],
): ExchangeTarget | OAuthRefusal {
  if (asked.length > 0) return targetOf(registry, upstream, asked);
  let targets = plainTargets.get(registry);
  if (targets === undefined) plainTargets.set(registry, (targets = new Map()));
  let target = targets.get(upstream);
  if (target === undefined) targets.set(upstream, (target = targetOf(registry, upstream, asked)));
  return target;
}

function targetOf(
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
  if (credential.type !== 'oauth' && !isBrought(credential))
    return {
      error: 'invalid_target',
      description: `A credential of the type ${credential.type} is not exchanged in this version.`,
    };
  const holder = grantHolder(registry, upstream);
  if (holder === undefined) return unknownTarget;
  const { required, offered, resource } = askable(upstream.document, holder);
  if (!covers(offered, asked))
    return {
      error: 'invalid_scope',
      description: 'A scope is asked for that neither the upstream nor its oauth client lists.',
    };
  return { upstream, holder, scopes: union(required, asked), offered, resource };
}

/** A token that is brought has no scopes that we know of: it can do what it can do. */
function askable(upstream: Upstream, { oauthClient }: GrantHolder) {
  const { credential } = upstream;
  if (oauthClient === undefined || credential.type !== 'oauth')
    return { required: [], offered: [], resource: '' };
  const required = requiredScopes(credential, oauthClient.document);
  const { scopes, optionalScopes } = oauthClient.document;
  const offered = union(required, scopes, optionalScopes, toolScopes(upstream));
  return { required, offered, resource: credential.resource ?? '' };
}
