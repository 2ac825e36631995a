import { createHash } from 'node:crypto';
import type { Refusal } from './caller.js';
import type { Claims } from './claim.js';
import { parseStrictJson } from './strict-json.js';

/** A JWS in compact form, decoded and nothing more: nobody has vouched for it yet. */
export interface CompactToken {
  readonly header: Claims;
  readonly claims: Claims;
}

const maxTokenBytes = 16 * 1024;

/** SHA-256 of the whole token, base64url: the only key under which anything about a token may be cached. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

/** Header and claims of the token, or why it is not a JWS with JSON claims. */
export function parseCompactToken(token: string): CompactToken | { readonly refusal: Refusal } {
  if (Buffer.byteLength(token) > maxTokenBytes) return { refusal: tooLarge };
  const parts = token.split('.');
  if (parts.length === 5) return { refusal: encrypted };
  if (parts.length !== 3 || !parts.every(isBase64url)) return { refusal: malformed };
  const header = decode(parts[0]);
  const claims = decode(parts[1]);
  if (header === undefined || claims === undefined) return { refusal: malformed };
  return Object.hasOwn(header, 'enc') ? { refusal: encrypted } : { header, claims };
}

// Only the canonical spelling: stray bits in the last character would give one token several hashes.
function isBase64url(part: string): boolean {
  return part !== '' && Buffer.from(part, 'base64url').toString('base64url') === part;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(part = ''): Claims | undefined {
  try {
    const value = parseStrictJson(utf8.decode(Buffer.from(part, 'base64url')));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}

const tooLarge: Refusal = { reason: 'too-large', detail: 'The token is larger than 16 KB.' };
const encrypted: Refusal = {
  reason: 'encrypted',
  detail: 'The token is encrypted; a signed one is expected.',
  fix: 'Turn token encryption off for this client at the issuer.',
};
const malformed: Refusal = {
  reason: 'malformed',
  detail: 'The token is not a signed JWT.',
  fix: 'Paste an access token in JWT form: three base64url parts with dots between. Some issuers give opaque tokens unless an audience or resource is asked for.',
};
