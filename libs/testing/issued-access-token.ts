import type { RefreshFamily } from './refresh-families.js';

/** An access token of a test's authorization server, and what it is good for. */
export interface IssuedAccessToken {
  readonly family: RefreshFamily;
  readonly scope: string;
  /** RFC 8707, as it was last asked for. */
  readonly resource: string | undefined;
}

/** What an authorization server does with `scope` at a refresh (RFC 6749 §6): as it says there, or not. */
export type Narrowing = 'obeys' | 'refuses' | 'ignores';

/** The scope of the token that a refresh gives; undefined for `invalid_scope`. */
export function refreshedScope(
  granted: string,
  asked: string | null,
  narrowing: Narrowing,
): string | undefined {
  if (asked === null || narrowing === 'ignores') return granted;
  const exceeds = asked.split(' ').some((scope) => !granted.split(' ').includes(scope));
  return exceeds || narrowing === 'refuses' ? undefined : asked;
}
