import type { BorrowWish } from '../mcp/borrow.js';
import type { CallTerms, McpCall } from '../mcp/mcp-call.js';
import type { JsonObject } from '../mcp/message.js';
import { callAt, type FederatedCall } from './federated-call.js';
import type { Asked } from './pauses.js';
import type { Reply } from './reply.js';
import type { Target } from './targets.js';

/** One request on its way to the one upstream that it is for. */
export interface Routed {
  readonly call: FederatedCall;
  readonly asked: Asked;
  readonly target: Target;
  /** As the upstream knows them, without what belongs to one round. */
  readonly params: JsonObject;
  readonly reply: Reply;
  readonly terms: CallTerms | undefined;
}

/** The same call at its upstream, under the policy's terms. */
export function routedCall({ call, target, terms }: Routed): McpCall {
  const at = callAt(call, target.visible.upstream);
  return terms === undefined ? at : { ...at, terms };
}

export function wishOf({ call, terms }: Routed): BorrowWish {
  const clientInfoName = call.client.clientInfo.name.slice(0, 64);
  const scopes = terms?.scopes ?? [];
  return { interaction: 'create', clientInfoName, ...(scopes.length === 0 ? {} : { scopes }) };
}
