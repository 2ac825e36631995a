import type { Upstream } from '../registry/domain/upstream.js';

/**
 * The scopes that rules of an upstream ask of a caller's token: what a person can delegate to a client that signs in
 * here. Who may have what is for rules on claims to say; a scope only limits what this client may do of it.
 */
function offeredScopes({ access, tools }: Upstream): readonly string[] {
  const { default: _, ...rules } = tools ?? { default: 'allow' };
  const ofTools = Object.values(rules).flatMap((rule) =>
    typeof rule === 'object' ? (rule.scopes ?? []) : [],
  );
  return [...new Set([...access.scopes, ...ofTools])];
}

/** What of it a client gets: what it asked for and can have, and what nothing works without. RFC 6749 §3.3. */
export function grantedScopes(upstream: Upstream, asked: readonly string[]): readonly string[] {
  const offered = offeredScopes(upstream);
  const wanted = offered.filter((scope) => asked.includes(scope));
  return [...new Set([...upstream.access.scopes, ...wanted])].toSorted();
}
