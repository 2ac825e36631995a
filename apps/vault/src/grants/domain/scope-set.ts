/**
 * The canonical name of a scope set: sorted by code unit, each scope once, joined by a space. Order and repetition
 * mean nothing (RFC 6749 §3.3), so two spellings of one set must name one row. '' names the whole grant, whatever its
 * set is today: an application with everything keeps its row when the grant grows, and a refresh sends no `scope`.
 */
export function scopeSet(scopes: readonly string[]): string {
  return [...new Set(scopes)].sort().join(' ');
}

export function union(...sets: readonly (readonly string[])[]): readonly string[] {
  return [...new Set(sets.flat())].sort();
}

export function covers(held: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((scope) => held.includes(scope));
}

/**
 * Which of a grant's access tokens somebody may have who was allowed `allowed`. By what was requested, never by what
 * was granted: servers narrow and rename. The whole grant's where nothing can be narrowed: without a refresh token,
 * and for the empty set, which a refresh cannot ask for (RFC 6749 §6: no `scope` means all).
 */
export function tokenScopes(
  grant: { readonly requestedScopes: readonly string[]; readonly hasRefreshToken: boolean },
  allowed: readonly string[],
): string {
  if (!grant.hasRefreshToken || covers(allowed, grant.requestedScopes)) return '';
  return scopeSet(grant.requestedScopes.filter((scope) => allowed.includes(scope)));
}
