import type { BorrowWish } from '../mcp/borrow.js';
import type { McpCall } from '../mcp/mcp-call.js';
import type { JsonObject } from '../mcp/message.js';
import type { FederatedCall } from './federated-call.js';
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
  /** The same request at its upstream, under the policy's terms; one object, since what is lent to it is noted there. */
  readonly at: McpCall;
}

export function wishOf({ call, at }: Routed): BorrowWish {
  const clientInfoName = call.client.clientInfo.name.slice(0, 64);
  const scopes = at.terms?.scopes ?? [];
  return { interaction: 'create', clientInfoName, ...(scopes.length === 0 ? {} : { scopes }) };
}
