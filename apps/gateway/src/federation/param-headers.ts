import { isObject, type JsonObject } from '../mcp/message.js';
import type { FederatedCall } from './federated-call.js';
import { headerValue } from './modern-peer.js';

const declaration = 'x-mcp-header';
const deepest = 8;

/**
 * The `Mcp-Param-*` headers that a tool's `inputSchema` asks for (SEP-2243), made from the arguments: a client of
 * an older revision does not send them, and a modern server refuses the call without.
 */
export function paramHeaders(inputSchema: unknown, args: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  collect(inputSchema, args, headers, 0);
  return headers;
}

/** Those that a modern client sent itself, but none that holds its token. */
export function sentParamHeaders({
  request,
  token,
}: Pick<FederatedCall, 'request' | 'token'>): Record<string, string> {
  const sent: Record<string, string> = {};
  for (const name in request.headers) {
    if (!name.startsWith('mcp-param-')) continue;
    const value = request.headers[name];
    if (typeof value === 'string' && (token === '' || !value.includes(token))) sent[name] = value;
  }
  return sent;
}

function collect(
  schema: unknown,
  value: unknown,
  headers: Record<string, string>,
  depth: number,
): void {
  if (!isObject(schema) || !isObject(value) || !isObject(schema['properties']) || depth > deepest)
    return;
  for (const [name, property] of Object.entries(schema['properties'])) {
    if (!isObject(property)) continue;
    const text = textOf(value[name]);
    const header = headerNameIn(property);
    if (header !== undefined && text !== undefined)
      Object.assign(headers, { [`mcp-param-${header.toLowerCase()}`]: headerValue(text) });
    collect(property, value[name], headers, depth + 1);
  }
}

// RFC 9110 §5.1: what is no token is no header, whoever declares it.
function headerNameIn(property: JsonObject): string | undefined {
  const name = property[declaration];
  return typeof name === 'string' && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) ? name : undefined;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}
