import { takesCredential } from './borrow.js';
import type { McpCall } from './mcp-call.js';
import type { JsonObject } from './message.js';

export function connectToolName(call: McpCall): string {
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
