export type Claims = Readonly<Record<string, unknown>>;

/**
 * The claim of that exact name, or, where it begins with `/`, what the RFC 6901 pointer points at
 * (`/realm_access/roles`). Own properties only; undefined when there is none.
 */
export function readClaim(claims: Claims, nameOrPointer: string): unknown {
  if (!nameOrPointer.startsWith('/')) return own(claims, nameOrPointer);
  const steps = nameOrPointer.slice(1).split('/').map(unescape);
  return steps.reduce<unknown>(own, claims);
}

/** The top-level claim that `readClaim` begins at. */
export function topClaim(nameOrPointer: string): string {
  if (!nameOrPointer.startsWith('/')) return nameOrPointer;
  const [step = ''] = nameOrPointer.slice(1).split('/');
  return unescape(step);
}

function own(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return /^(0|[1-9]\d*)$/.test(key) ? value[Number(key)] : undefined;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Claims)[key];
}

// RFC 6901 §4: first ~1, then ~0, so that ~01 becomes ~1.
function unescape(step: string): string {
  return step.includes('~') ? step.replaceAll('~1', '/').replaceAll('~0', '~') : step;
}
