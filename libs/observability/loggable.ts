import { maskCredentials, maskTokens, redacted } from './mask.js';

const maxDepth = 5;
const maxEntries = 100;
const maxTextLength = 8192;

const secretNames =
  /^(?:proxy-)?authorization$|^(?:set-)?cookie$|^(?:access|refresh|id|subject|actor)_?token$|^client_?(?:secret|assertion)$|^code_?verifier$|^password$/i;

// Pairwise subjects and client ids may look random; they say who did it and stay readable, as does the head of the
// audit log, which is logged to be kept elsewhere.
const identifierNames = new Set([
  'subject',
  'actor',
  'application',
  'issuer',
  'oauthClient',
  'hash',
]);

function loggableText(text: string, name: string): string {
  const cut = text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text;
  return identifierNames.has(name) ? maskCredentials(cut) : maskTokens(cut);
}

// Only what we name: libraries hang bodies, requests and tokens on their errors.
function loggableError(error: Error, depth: number): Record<string, unknown> {
  const code = (error as { code?: unknown }).code;
  return {
    type: maskTokens(error.name),
    ...(typeof code === 'string' || typeof code === 'number' ? { code: loggable(code) } : {}),
    message: loggable(error.message),
    stack: loggable(error.stack),
    ...(error.cause instanceof Error && depth < maxDepth
      ? { cause: loggableError(error.cause, depth + 1) }
      : {}),
  };
}

function loggableObject(value: object, depth: number): unknown {
  if (value instanceof Error) return loggableError(value, depth);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  const json = (value as { toJSON?: unknown }).toJSON;
  if (typeof json === 'function') return loggable(json.call(value), '', depth + 1);
  if (depth >= maxDepth) return '[nested]';
  if (Array.isArray(value)) {
    return value.slice(0, maxEntries).map((item) => loggable(item, '', depth + 1));
  }
  return loggableFields(value as Record<string, unknown>, depth);
}

// One line per call passes here: a loop without intermediate arrays is three times as fast.
function loggableFields(fields: Record<string, unknown>, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(fields).slice(0, maxEntries)) {
    const value = fields[name];
    copy[maskTokens(name)] = typeof value === 'number' ? value : loggable(value, name, depth + 1);
  }
  return copy;
}

/**
 * A copy of `value` that may be logged: no credentials, no bytes, bounded depth, breadth and length.
 * `name` is the field the value stands in.
 */
export function loggable(value: unknown, name = '', depth = 0): unknown {
  if (name !== '' && secretNames.test(name) && value !== undefined && value !== null)
    return redacted;
  if (typeof value === 'string') return loggableText(value, name);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null || depth > maxDepth) return value ?? undefined;
  return loggableObject(value, depth);
}
