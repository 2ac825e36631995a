/**
 * Which of a grant's access tokens: by resource (RFC 8707; '' for none) and scope set (`scopeSet`; '' for the whole
 * grant). Each has its row, and all are refreshed with the grant's one refresh token.
 */
export interface TokenTarget {
  readonly resource: string;
  readonly scopes: string;
}

export interface RefreshParameters {
  readonly scopes?: string[];
  readonly resource?: string;
}

/**
 * What to ask the token endpoint for, best first; the next where the server answers `invalid_scope`. RFC 6749 §6:
 * only what was granted may be asked for, and without `scope` all of it comes. Servers do not name everything that
 * they granted (`openid`, `offline_access`), so first the whole set is asked for.
 */
export function refreshParameters(
  target: TokenTarget,
  granted: readonly string[],
): [RefreshParameters, ...RefreshParameters[]] {
  const resource = target.resource === '' ? {} : { resource: target.resource };
  if (target.scopes === '') return [resource];
  const scopes = target.scopes.split(' ');
  const known = scopes.filter((scope) => granted.includes(scope));
  const isNarrower = known.length > 0 && known.length < scopes.length;
  return [
    { ...resource, scopes },
    ...(isNarrower ? [{ ...resource, scopes: known }] : []),
    resource,
  ];
}
