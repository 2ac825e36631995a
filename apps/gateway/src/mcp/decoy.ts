import { randomBytes } from 'node:crypto';
import type { McpCall } from './mcp-call.js';
import { parseMessage, withParams, type McpMessage } from './message.js';
import type { RelayOptions } from './relay.js';

/** The name of a tool that no server has. */
export function newDecoy(): string {
  return `t${randomBytes(16).toString('hex')}`;
}

/**
 * What goes upstream for a call. In place of a hidden tool the upstream is asked for one that does not exist, because each
 * server says in its own words that it has no such tool, and any other words would tell that this one is there.
 */
export function outgoing(
  { terms }: McpCall,
  message: McpMessage,
  headers: Readonly<Record<string, string>>,
): { readonly body: Buffer; readonly headers: Readonly<Record<string, string>> } {
  const { bytes } = message.body;
  if (terms?.decoy === undefined) return { body: bytes, headers };
  const parsed = parseMessage(bytes);
  if (parsed.kind === 'bad') throw new Error('a message that was read cannot be read again');
  const body = withParams(parsed.body, ['name'], [`"name":${JSON.stringify(terms.decoy)}`]);
  if (headers['mcp-name'] === undefined) return { body, headers };
  return { body, headers: { ...headers, 'mcp-name': terms.decoy } };
}

/** Puts the name that was asked for back into the answer. */
export function undisguised(
  { terms }: McpCall,
  message: McpMessage,
): Pick<RelayOptions, 'rewrite' | 'rewritesErrors'> {
  const decoy = terms?.decoy;
  if (decoy === undefined || message.kind !== 'request') return {};
  const name = JSON.stringify(message.params['name']).slice(1, -1);
  return { rewrite: (json) => json.replaceAll(decoy, name), rewritesErrors: true };
}
