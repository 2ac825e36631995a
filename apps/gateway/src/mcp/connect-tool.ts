import { takesCredential } from './borrow.js';
import { modernVersion } from './era.js';
import type { McpCall } from './mcp-call.js';
import { metaOf, type JsonObject, type McpRequest } from './message.js';
import { isMcpAnswer } from './relay.js';
import { result, type RpcAnswer } from './rpc-answer.js';
import { discard, failureAnswer, notMcp, type Called } from './upstream-call.js';

function connectToolName(call: McpCall): string {
  return `connect_${call.upstream.config.slug}`;
}

/** The gateway's own tool: calling it asks the person to connect, and is never sent on. */
export function isConnectTool(call: McpCall, name: unknown): boolean {
  return takesCredential(call) && name === connectToolName(call);
}

export function connectToolOf(call: McpCall): JsonObject {
  const { name } = call.upstream.config;
  return {
    name: connectToolName(call),
    title: `Connect ${name}`,
    description: `Connect your ${name} account. Its own tools appear once you are connected.`,
    inputSchema: { type: 'object', properties: {}, additionalProperties: false },
  };
}

/** What the upstream is asked in place of the tool: every server answers it, to whom it knows. */
export function lookBody(message: McpRequest, era: 'modern' | 'legacy'): Buffer {
  const params = era === 'modern' ? { _meta: metaOf(message) } : {};
  const look = { jsonrpc: '2.0', id: message.id, method: 'tools/list', params };
  return Buffer.from(JSON.stringify(look));
}

export const modernLookHeaders = {
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
  'mcp-protocol-version': modernVersion,
  'mcp-method': 'tools/list',
} as const;

/** The tool's own answer: connected is what the upstream takes. */
export function connectedAnswer(
  call: McpCall,
  { id }: McpRequest,
  called: Exclude<Called, { kind: 'no-credential' }>,
  era: 'modern' | 'legacy',
): RpcAnswer {
  if (called.kind === 'failed') return failureAnswer(call, id, called.failure);
  discard(called.answer);
  if (!isMcpAnswer(called.answer)) return failureAnswer(call, id, notMcp);
  const text = `${call.upstream.config.name} is connected. List the tools again to see what it offers.`;
  const value = { content: [{ type: 'text', text }], isError: false };
  return result(id, era === 'modern' ? { resultType: 'complete', ...value } : value);
}
