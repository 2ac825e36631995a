import type { Caller } from '#lib/jwt/caller';
import { readClaim } from '#lib/jwt/claim';
import type { Issuer } from '../registry/domain/issuer.js';

type AdminRule = NonNullable<Issuer['admin']>;

/** The strongest role that the issuer's admin rule gives the token; undefined for everybody else's. */
export function adminRole(rule: AdminRule, caller: Caller): 'admin' | 'auditor' | undefined {
  if (!caller.audiences.includes(rule.audience)) return undefined;
  const roles = rule.roles
    .filter(({ claim, includes }) => holds(claim, readClaim(caller.claims, claim), includes))
    .map(({ role }) => role);
  return roles.includes('admin') ? 'admin' : roles[0];
}

function holds(claim: string, value: unknown, wanted: string): boolean {
  if (Array.isArray(value)) return value.includes(wanted);
  // Only scopes are lists in one string; a name that somebody chose must not become one.
  if (claim === 'scope' || claim === 'scp')
    return typeof value === 'string' && value.split(' ').includes(wanted);
  return value === wanted;
}
