/** What is known of a grant when it is decided whether the person must go to the provider. Times are epoch seconds. */
export interface HeldGrant {
  readonly status: 'active' | 'refreshing' | 'needs_consent' | 'revoked';
  readonly requestedScopes: readonly string[];
  readonly hasRefreshToken: boolean;
  readonly isRejected: boolean;
  readonly accessTokenExpiresAt: number | undefined;
}

export interface Asked {
  readonly purpose: 'connect' | 'reconnect' | 'scopes';
  readonly scopes: readonly string[];
}

/** Whether Allow leads to the provider; without a trip the grant that exists is enough (a second application). */
export function needsTrip(asked: Asked, grant: HeldGrant | undefined, now: number): boolean {
  if (!grant || asked.purpose === 'reconnect') return true;
  if (grant.status === 'revoked' || grant.status === 'needs_consent' || grant.isRejected)
    return true;
  if (!asked.scopes.every((scope) => grant.requestedScopes.includes(scope))) return true;
  return !grant.hasRefreshToken && (grant.accessTokenExpiresAt ?? Infinity) <= now;
}

/** What a trip asks for: what the page shows, and what a grant that lives already had, which must not be lost. */
export function tripScopes(asked: Asked, grant: HeldGrant | undefined): readonly string[] {
  const held = grant && grant.status !== 'revoked' ? grant.requestedScopes : [];
  return [...new Set([...asked.scopes, ...held])].toSorted();
}

/**
 * Whether the account that came back is another than the one that is connected (row 13). A provider that names nobody
 * now but did before counts as another.
 */
export function isOtherAccount(
  held: { readonly status: HeldGrant['status']; readonly accountSubject: string | undefined },
  returned: string | undefined,
): boolean {
  if (held.status === 'revoked' || held.accountSubject === undefined) return false;
  return held.accountSubject !== returned;
}
