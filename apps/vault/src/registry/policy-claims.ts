import { type Claims, readClaim } from '#lib/jwt/claim';
import type { Upstream } from './domain/upstream.js';
import type { JsonObject } from './domain/json.js';
import type { RegistrySnapshot } from './registry-snapshot.js';

// What says who, for whom, until when and by which client is never taken over from another token.
const reserved = new Set(
  'iss sub aud exp nbf iat jti scope scp client_id azp appid cid corporate_issuer sid cnf typ nonce at_hash c_hash s_hash idtyp gty tid oid token_use preferred_username'.split(
    ' ',
  ),
);
const maxBytes = 8_000;

/** The claims that rules ask about at upstreams where people consent as they sign in, by name or RFC 6901 pointer. */
export function policyClaims({ upstreams }: Pick<RegistrySnapshot, 'upstreams'>): string[] {
  const named = upstreams
    .filter(({ document }) => document.consentAtSignIn === true)
    .flatMap(({ document }) => claimsOfRules(document));
  return [...new Set(named)];
}

/** Those of one upstream. */
export function claimsOfRules({ access, tools }: Upstream): string[] {
  const { default: _, ...rules } = tools ?? { default: 'allow' };
  const conditions = [access.claims, ...Object.values(rules).map((rule) => rule.claims)];
  return [...new Set(conditions.flatMap((claims) => Object.keys(claims)))];
}

/** These claims and no others, each where it stood; nothing of it where it is too much for a token. */
export function pickClaims(claims: Claims, names: readonly string[]): JsonObject {
  const picked: Record<string, unknown> = {};
  for (const name of names) {
    const value = readClaim(claims, name);
    const path = stepsOf(name);
    if (value !== undefined && !reserved.has(path[0] ?? '')) put(picked, path, value);
  }
  return Buffer.byteLength(JSON.stringify(picked)) > maxBytes ? {} : picked;
}

function stepsOf(name: string): string[] {
  if (!name.startsWith('/')) return [name];
  const steps = name.slice(1).split('/');
  return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function put(into: Record<string, unknown>, [step = '', ...rest]: string[], value: unknown): void {
  // A claim of that name would be a prototype to whoever reads it.
  if (step === '__proto__') return;
  if (rest.length === 0) {
    into[step] = value;
    return;
  }
  const inner = into[step];
  const next: Record<string, unknown> =
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? { ...(inner as Record<string, unknown>) }
      : {};
  into[step] = next;
  put(next, rest, value);
}
