import type { IncomingHttpHeaders } from 'node:http';
import { isObject, nameOf, type JsonObject, type McpMessage } from './message.js';

export const modernVersion = '2026-07-28';
export const newestLegacyVersion = '2025-11-25';
export const legacyVersions: readonly string[] = [
  newestLegacyVersion,
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
];

export const metaKey = {
  version: 'io.modelcontextprotocol/protocolVersion',
  capabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;

/** A request that no era's rules let pass: HTTP status and JSON-RPC error. */
export interface EraRejection {
  readonly era: 'rejected';
  readonly status: 400 | 405;
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

export type Era = { readonly era: 'modern' } | { readonly era: 'legacy' } | EraRejection;

const modern: Era = { era: 'modern' };
const legacy: Era = { era: 'legacy' };

function reject(code: number, message: string, data?: unknown): EraRejection {
  return { era: 'rejected', status: 400, code, message, data };
}

/** GET and DELETE have no body to tell the era by: the session header speaks for legacy. */
export function eraOfSessionMethod(headers: IncomingHttpHeaders): Era {
  if (headers['mcp-session-id'] !== undefined) return legacy;
  if (headers['mcp-protocol-version'] === modernVersion)
    return {
      era: 'rejected',
      status: 405,
      code: -32000,
      message: 'Revision 2026-07-28 is served by POST only.',
    };
  return reject(-32000, 'Bad request: Mcp-Session-Id is missing.');
}

/**
 * The era of a POST. The body decides: a `_meta` that names a protocol version claims the modern rules,
 * and then the headers must agree with it.
 */
export function eraOf(message: McpMessage, headers: IncomingHttpHeaders): Era {
  const headerVersion = single(headers, 'mcp-protocol-version');
  if (message.kind === 'response')
    return headerVersion === modernVersion
      ? reject(-32600, 'Invalid request: revision 2026-07-28 has no responses of the client.')
      : eraOfLegacy(headerVersion);
  const meta = isObject(message.params['_meta']) ? message.params['_meta'] : {};
  if (metaKey.version in meta) return eraOfClaim(message, meta, headers);
  if (headerVersion !== modernVersion) return eraOfLegacy(headerVersion);
  if (message.kind === 'notification') return methodMismatch(message.method, headers) ?? modern;
  if (message.method === 'initialize')
    return mismatch(
      'initialize belongs to the revisions before 2026-07-28',
      'mcp-protocol-version',
    );
  return reject(-32602, `Invalid params: _meta lacks ${metaKey.version}.`);
}

function eraOfLegacy(headerVersion: string | undefined): Era {
  // Absent means 2025-03-26.
  if (headerVersion === undefined || legacyVersions.includes(headerVersion)) return legacy;
  return unsupported(headerVersion, [modernVersion, ...legacyVersions]);
}

function eraOfClaim(
  message: Exclude<McpMessage, { kind: 'response' }>,
  meta: JsonObject,
  headers: IncomingHttpHeaders,
): Era {
  const claimed = meta[metaKey.version];
  if (typeof claimed !== 'string')
    return reject(-32602, `Invalid params: ${metaKey.version} must be a string.`);
  const headerVersion = single(headers, 'mcp-protocol-version');
  if (headerVersion !== undefined && headerVersion !== claimed)
    return mismatch(
      'MCP-Protocol-Version and _meta name different versions',
      'mcp-protocol-version',
    );
  if (claimed !== modernVersion) return unsupported(claimed);
  if (message.kind === 'notification') return methodMismatch(message.method, headers) ?? modern;
  if (!isObject(meta[metaKey.capabilities]))
    return reject(-32602, `Invalid params: _meta lacks ${metaKey.capabilities}.`);
  if (headerVersion === undefined)
    return mismatch('MCP-Protocol-Version is missing', 'mcp-protocol-version');
  if (headers['mcp-method'] === undefined) return mismatch('Mcp-Method is missing', 'mcp-method');
  return (
    methodMismatch(message.method, headers) ?? nameMismatch(nameOf(message), headers) ?? modern
  );
}

function methodMismatch(method: string, headers: IncomingHttpHeaders): EraRejection | undefined {
  const header = single(headers, 'mcp-method');
  if (header === undefined || header === method) return undefined;
  return mismatch('Mcp-Method and the body name different methods', 'mcp-method');
}

function nameMismatch(
  name: string | undefined,
  headers: IncomingHttpHeaders,
): EraRejection | undefined {
  if (name === undefined) return undefined;
  const header = single(headers, 'mcp-name');
  if (header === undefined) return mismatch('Mcp-Name is missing', 'mcp-name');
  if (decodedName(header) === name) return undefined;
  return mismatch('Mcp-Name and the body name different things', 'mcp-name');
}

/** `=?base64?…?=` carries what a header cannot; undefined where that is broken. */
export function decodedName(value: string): string | undefined {
  const encoded = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/.exec(value)?.[1];
  if (encoded === undefined) return value.startsWith('=?base64?') ? undefined : value;
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') !== encoded) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function unsupported(
  requested: string,
  supported: readonly string[] = [modernVersion],
): EraRejection {
  return reject(-32022, 'This protocol version is not supported.', { supported, requested });
}

function mismatch(what: string, header: string): EraRejection {
  return reject(-32020, `Headers and body disagree: ${what}.`, { header });
}

function single(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value?.trim();
}
