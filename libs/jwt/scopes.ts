import type { Claims } from './claim.js';

/** `scope` (RFC 9068) or `scp` (Entra, Okta), as a string or an array; undefined if the token has neither. */
export function scopesOf(claims: Claims): readonly string[] | undefined {
  const lists = [claims.scope, claims.scp].filter((value) => value !== undefined).map(listOf);
  return lists.length === 0 ? undefined : [...new Set(lists.flat())];
}

function listOf(value: unknown): string[] {
  if (typeof value === 'string') return value.split(' ').filter((scope) => scope !== '');
  const entries: unknown[] = Array.isArray(value) ? value : [];
  return entries.filter((scope): scope is string => typeof scope === 'string' && scope !== '');
}
