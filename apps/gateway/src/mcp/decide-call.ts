import { isNobody } from './guest.js';
import { isConnectTool } from './connect-tool.js';
import { decodedName } from './era.js';
import { unknownTerms } from './decoy.js';
import type { CallTerms, McpCall, McpDeps } from './mcp-call.js';
import type { McpMessage, McpNotification, McpRequest } from './message.js';
import { isOpenToGuests } from './guest.js';
import { problemAnswer, rpcError, type RpcAnswer } from './rpc-answer.js';
import type { Refusal } from '../inbound/inbound.js';
import { noteRefusal } from '../policy/note-refusal.js';
import { refusalFor, type ToolRefusal } from '../policy/refusal-for.js';
import { decidedAfterLook, type GateDecision } from '../policy/tool-gate.js';

const nearlyTools = /^\s*tools\/(?:call|list)\s*$/i;

/**
 * The policy of the upstream on one request: how it is refused, or undefined, and then `call.terms` say how it goes on.
 * It looks at the name in the body and at nothing else.
 */
export function decideCall(
  deps: McpDeps,
  call: McpCall,
  message: McpMessage,
): RpcAnswer | undefined {
  if (call.upstream.toolGate === undefined || message.kind === 'response') return undefined;
  if (message.kind === 'notification') return refuseUnnumbered(message);
  if (message.method === 'tools/call') return decideTool(deps, call, message);
  // Judged by its name as written, a lenient server might still serve it.
  if (message.method !== 'tools/list' && nearlyTools.test(message.method))
    return { ...rpcError(message.id, -32601, 'Method not found.'), status: 404 };
  if (call.lacking === undefined || isOpenToGuests(message.method)) return undefined;
  const { denied } = call.lacking;
  const { requestId } = call;
  const upstream = call.upstream.config.slug;
  if (denied) deps.decisions?.denied({ ...denied, upstream, method: message.method, requestId });
  return challengeAnswer(call, message.id, call.lacking);
}

/** A request without an id is for nobody to judge, and some servers serve it all the same. */
function refuseUnnumbered({ method }: McpNotification): RpcAnswer | undefined {
  if (method.startsWith('notifications/')) return undefined;
  const said = 'Invalid request: what is no notification needs an id.';
  return { ...rpcError(null, -32600, said), status: 400 };
}

/** `hasLooked`: the server's own list was read for this call. */
export function decideTool(
  deps: McpDeps,
  call: McpCall,
  message: McpRequest,
  hasLooked = false,
): RpcAnswer | undefined {
  const { name } = message.params;
  const header = call.request.headers['mcp-name'];
  if (typeof name !== 'string')
    return {
      ...rpcError(message.id, -32602, 'Invalid params: name must be a string.'),
      status: 400,
    };
  // Checked in the modern era already; a legacy server behind a router that goes by the header must not be fooled either.
  if (header !== undefined && decodedName(String(header)) !== name)
    return { ...rpcError(message.id, -32020, 'Headers and body disagree: Mcp-Name.'), status: 400 };
  // Ours, and answered here: it never reaches the upstream.
  if (isConnectTool(call, name) && call.lacking === undefined) return undefined;
  const who = isNobody(call.caller) ? undefined : call.caller;
  const judge = call.upstream.toolGate?.beside(deps.inventory);
  if (judge === undefined) return undefined;
  const judged = judge.decide(who, name);
  const decision = hasLooked ? decidedAfterLook(judged) : judged;
  const refusal = refusalFor(decision);
  if (refusal !== undefined) {
    const { requestId } = call;
    const upstream = call.upstream.config.slug;
    noteRefusal(deps, { requestId, caller: who, upstream, tool: name }, decision);
    if (refusal.kind !== 'unknown-tool') return refusalAnswer(deps, call, message, refusal);
    call.terms = unknownTerms(decision);
    return undefined;
  }
  if (decision.kind === 'allowed') call.terms = termsOf(decision);
  return undefined;
}

/** How an allowed call goes on. */
export function termsOf(decision: Extract<GateDecision, { kind: 'allowed' }>): CallTerms {
  const { isPublic, upstreamScopes: scopes, isUnseen } = decision;
  return isUnseen === true ? { isPublic, scopes, isUnseen } : { isPublic, scopes };
}

function refusalAnswer(
  deps: McpDeps,
  call: McpCall,
  message: McpRequest,
  refusal: Exclude<ToolRefusal, { kind: 'unknown-tool' }>,
): RpcAnswer {
  const { inbound } = deps;
  switch (refusal.kind) {
    case 'sign-in':
      return challengeAnswer(call, message.id, inbound.needs(call.route, refusal.scopes));
    case 'step-up': {
      const needed = inbound.needs(call.route, refusal.scopes, call.caller);
      return challengeAnswer(call, message.id, needed);
    }
    case 'forbidden':
      return problemAnswer(message.id, 'forbidden', refusal.detail, call.requestId);
  }
}

function challengeAnswer(call: McpCall, id: string | number, refusal: Refusal): RpcAnswer {
  const { code, detail, headers, status } = refusal;
  return { ...problemAnswer(id, code, detail, call.requestId, headers), status };
}
