export type GrantStatus = 'active' | 'refreshing' | 'needs_consent' | 'revoked';

/** Why a person is needed. */
export type Purpose = 'connect' | 'reconnect' | 'scopes';

/** What a decision needs to know of a grant. Times are epoch seconds. */
export interface GrantState {
  readonly status: GrantStatus;
  readonly requestedScopes: readonly string[];
  readonly hasRefreshToken: boolean;
  /** No refresh before: the last one failed. */
  readonly pausedUntil: number | undefined;
  /** The stored access token for the resource in question. */
  readonly token: TokenLife | undefined;
}

export interface TokenLife {
  readonly issuedAt: number;
  /** Undefined where the server names no lifetime. */
  readonly expiresAt: number | undefined;
}

export type Decision =
  | { readonly do: 'serve' }
  /** `fallback`: should the refresh fail for now, what is stored still works. */
  | { readonly do: 'refresh'; readonly fallback: boolean }
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'ask'; readonly purpose: Purpose };

/** What to do for a caller who wants a token with these scopes now. */
export function decide(
  grant: GrantState | undefined,
  scopes: readonly string[],
  now: number,
): Decision {
  if (grant === undefined || grant.status === 'revoked') return { do: 'ask', purpose: 'connect' };
  if (grant.status === 'needs_consent') return { do: 'ask', purpose: 'reconnect' };
  // Asked, not granted: a server that narrows or renames scopes would make us ask for ever.
  if (!scopes.every((scope) => grant.requestedScopes.includes(scope)))
    return { do: 'ask', purpose: 'scopes' };
  return grant.token && hasEnoughLife(grant.token, now) ? { do: 'serve' } : renew(grant, now);
}

/** What to do for a caller whose upstream has just refused the token that is stored. */
export function decideRejected(
  grant: GrantState | undefined,
  scopes: readonly string[],
  now: number,
): Decision | { readonly do: 'force' } | { readonly do: 'give-up' } {
  const decision = decide(grant, scopes, now);
  if (decision.do === 'ask') return decision;
  return grant?.hasRefreshToken ? { do: 'force' } : { do: 'give-up' };
}

function renew(grant: GrantState, now: number): Decision {
  const fallback = grant.token !== undefined && isValid(grant.token, now);
  if (!grant.hasRefreshToken)
    return fallback ? { do: 'serve' } : { do: 'ask', purpose: 'reconnect' };
  const pause = (grant.pausedUntil ?? now) - now;
  if (pause <= 0) return { do: 'refresh', fallback };
  return fallback ? { do: 'serve' } : { do: 'wait', seconds: Math.ceil(pause) };
}

export function isValid({ expiresAt }: TokenLife, now: number): boolean {
  return expiresAt === undefined || expiresAt > now;
}

/** A token is handed out with at least min(15 s, 20 % of its life) left. */
export function hasEnoughLife(token: TokenLife, now: number): boolean {
  return now <= enoughLifeUntil(token);
}

/** Epoch seconds; Infinity where the server names no lifetime. */
export function enoughLifeUntil({ issuedAt, expiresAt }: TokenLife): number {
  if (expiresAt === undefined) return Infinity;
  return expiresAt - Math.min(15, 0.2 * (expiresAt - issuedAt));
}

/** Share of a lifetime after which a token is refreshed: 75 %, give or take 5. `chance` is 0 to 1. */
export function refreshShare(chance: number): number {
  return 0.7 + 0.1 * chance;
}

// How long a person may wait after an outage is over; the circuit of the provider bounds what comes meanwhile.
const longestBackoff = 60;

/**
 * Seconds until the next attempt after `failures` failures in a row. The first comes soon: if an answer was
 * lost on the way, the old refresh token may be good for a moment more.
 */
export function backoffSeconds(
  failures: number,
  retryAfter: number | undefined,
  chance: number,
): number {
  const doubled = Math.min(2 ** Math.min(failures - 1, 10), longestBackoff);
  // Spread upwards from what the server asked for: never before, and not all grants together.
  return Math.max(doubled * (0.9 + 0.2 * chance), (retryAfter ?? 0) * (1 + 0.2 * chance));
}
