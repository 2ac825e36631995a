import type { Claims } from './claim.js';

/** `scope` (RFC 9068) or `scp` (Entra, Okta), as a string or an array; undefined if the token has neither. */
export function scopesOf(claims: Claims): readonly string[] | undefined {
  const lists = [claims.scope, claims.scp].filter((value) => value !== undefined).map(listOf);
  return lists.length === 0 ? undefined : [...new Set(lists.flat())];
}

/** What the token carries and all that follows from it, at any remove, each once; cycles are harmless. */
export function impliedScopes(
  carried: readonly string[],
  hierarchy: Readonly<Record<string, readonly string[]>> = {},
): readonly string[] {
  const all = new Set(carried);
  // A set is walked in the order of insertion, what is added meanwhile included.
  for (const scope of all)
    if (Object.hasOwn(hierarchy, scope))
      for (const implied of hierarchy[scope] ?? []) all.add(implied);
  return [...all];
}

function listOf(value: unknown): string[] {
  if (typeof value === 'string') return value.split(' ').filter((scope) => scope !== '');
  const entries: unknown[] = Array.isArray(value) ? value : [];
  return entries.filter((scope): scope is string => typeof scope === 'string' && scope !== '');
}
