import type { FieldError } from '#lib/problem/problem';
import type { UpstreamDocument } from './upstream.js';

/** Egress rules that would be accepted and then do nothing. */
export function egressFaults({ type, egress }: UpstreamDocument): FieldError[] {
  if (egress === undefined) return [];
  if (type !== 'http')
    return [
      conflict('/egress', 'These rules are for HTTP APIs. Rule an MCP server by tools and limits.'),
    ];
  if (egress.webSocket === true && egress.methods?.includes('GET') === false)
    return [
      conflict('/egress/methods', 'A WebSocket begins with GET. Add it, or leave webSocket out.'),
    ];
  return [];
}

function conflict(pointer: string, detail: string): FieldError {
  return { pointer, code: 'conflict', detail };
}
