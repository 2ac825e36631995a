import { parseStrictJson } from './strict-json.js';

/**
 * Every `iss` that something in a text claims, in the text itself or as base64 (a password of Basic, a wrapped token):
 * of JWTs whole or in part, signed or not, believed or not. Undefined where one says it in two ways.
 */
export function claimedIssuers(text: string): readonly string[] | undefined {
  const found: string[] = [];
  for (const part of [text, decoded(text)].flatMap(parts)) {
    const claims = objectIn(part);
    if (claims === 'ambiguous') return undefined;
    // RFC 7519 §4.1.1 has one string; a careless reader may take a list.
    for (const iss of [claims?.['iss']].flat()) if (typeof iss === 'string') found.push(iss);
  }
  return found;
}

/** What base64 or base64url of a text says; nonsense where it is none. */
export function decoded(text: string): string {
  return Buffer.from(text, 'base64url').toString('latin1');
}

// Linear, whatever the text.
function parts(text: string): string[] {
  return text.split(/[^\w-]+/).filter((part) => part.length >= 8);
}

function objectIn(part: string): Record<string, unknown> | 'ambiguous' | undefined {
  const text = Buffer.from(part, 'base64url').toString('utf8');
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    return parseStrictJson(text) as Record<string, unknown>;
  } catch {
    return /"iss"|\\u/.test(text) ? 'ambiguous' : undefined;
  }
}
