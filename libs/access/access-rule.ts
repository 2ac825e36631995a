import { isDeepStrictEqual } from 'node:util';
import type { AccessRule } from '#lib/contract/config-snapshot';
import type { Caller } from '#lib/jwt/caller';
import { readClaim } from '#lib/jwt/claim';

export type AccessDecision =
  | { readonly kind: 'allowed' }
  /** `scopes` is everything the call needs, not only what is missing: clients ask for it at once. */
  | { readonly kind: 'insufficient-scope'; readonly scopes: readonly string[] }
  /** No further scope would help. */
  | { readonly kind: 'claims' };

const allowed: AccessDecision = { kind: 'allowed' };

/** Whether a caller's token carries what an upstream asks for. Claims are judged first. */
export function decideAccess(
  caller: Pick<Caller, 'claims' | 'scopes'>,
  rule: AccessRule,
): AccessDecision {
  for (const [name, condition] of Object.entries(rule.claims))
    if (!meets(readClaim(caller.claims, name), condition)) return { kind: 'claims' };
  if (rule.scopes.every((scope) => caller.scopes.includes(scope))) return allowed;
  return { kind: 'insufficient-scope', scopes: rule.scopes };
}

/** Names of the claims that do not meet their conditions: for administrators, who may see what others lack. */
export function unmetClaims({ claims }: Pick<Caller, 'claims'>, rule: AccessRule): string[] {
  return Object.entries(rule.claims)
    .filter(([name, condition]) => !meets(readClaim(claims, name), condition))
    .map(([name]) => name);
}

type Condition = AccessRule['claims'][string];

// A condition that asks for nothing is met by nothing: an empty rule must not open a door.
function meets(value: unknown, condition: Condition): boolean {
  const equals = Object.hasOwn(condition, 'equals') && condition.equals !== undefined;
  const includes = Object.hasOwn(condition, 'includes') && condition.includes !== undefined;
  if (!equals && !includes) return false;
  if (equals && !same(value, condition.equals)) return false;
  return !includes || holds(value, condition.includes);
}

// Most claims are text, and a call waits for this.
function same(value: unknown, wanted: unknown): boolean {
  return value === wanted || (typeof value === 'object' && isDeepStrictEqual(value, wanted));
}

// A list, or the space-separated strings that OAuth uses for lists.
function holds(value: unknown, wanted: unknown): boolean {
  if (Array.isArray(value)) return value.some((item) => same(item, wanted));
  return (
    typeof value === 'string' && typeof wanted === 'string' && value.split(' ').includes(wanted)
  );
}
