import type { JsonRpcId } from '#lib/problem/render';
import { refusedAnswer } from './borrow.js';
import type { McpCall, McpDeps } from './mcp-call.js';
import type { RpcAnswer } from './rpc-answer.js';

/**
 * Whether the way to a consent that is gone leads over a new sign-in: the token came of one, and the client cannot be
 * sent to a page otherwise. A client with a corporate token would only bring the same one again.
 */
export function mustSignInAgain({ caller }: Pick<McpCall, 'caller'>, byUrl: boolean): boolean {
  return !byUrl && caller?.signedInHere === true;
}

/** RFC 6750 §3: clients answer it with a refresh, which the vault refuses, and then with a sign-in. */
export function signInAgain(deps: McpDeps, call: McpCall, id: JsonRpcId): RpcAnswer {
  const detail = 'This service has to be connected again: sign in anew.';
  return refusedAnswer(deps, call, id, { kind: 'invalid-token', detail });
}
