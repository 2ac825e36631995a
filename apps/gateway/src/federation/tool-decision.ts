import { termsOf } from '../mcp/decide-call.js';
import { unknownTerms } from '../mcp/decoy.js';
import type { CallTerms, McpDeps } from '../mcp/mcp-call.js';
import { problemAnswer, type RpcAnswer } from '../mcp/rpc-answer.js';
import type { Refusal } from '../inbound/inbound.js';
import { noteRefusal } from '../policy/note-refusal.js';
import { refusalFor, type ToolRefusal } from '../policy/refusal-for.js';
import { decidedAfterLook, type GateDecision } from '../policy/tool-gate.js';
import { whoOf, type FederatedCall } from './federated-call.js';
import { federatedRoute } from './federated-state.js';
import type { Target } from './targets.js';

export type CallDecision =
  | { readonly terms: CallTerms | undefined }
  | { readonly refused: RpcAnswer }
  /** To this caller there is no such thing. */
  | { readonly nowhere: true };

/**
 * Whether this call may go on at its upstream, by the upstream's access rule and its rules for the tool. `hasLooked`: the
 * server's own list was read for it.
 */
export function decideTarget(
  deps: McpDeps,
  call: FederatedCall,
  id: string | number,
  ...[target, hasLooked = false]: [Target, boolean?]
): CallDecision {
  const { upstream } = target.visible;
  const judge = target.tool === undefined ? undefined : upstream.toolGate?.beside(deps.inventory);
  if (judge === undefined || target.tool === undefined) return decideAccess(deps, call, id, target);
  const judged = judge.decide(whoOf(call), target.tool);
  const decision = hasLooked ? decidedAfterLook(judged) : judged;
  const refusal = refusalFor(decision);
  if (refusal !== undefined) {
    const { slug: upstream, tool } = target;
    noteRefusal(deps, { requestId: call.requestId, caller: whoOf(call), upstream, tool }, decision);
    if (hasLooked && refusal.kind === 'unknown-tool') return { nowhere: true };
    if (target.derived === true && isHidden(decision)) return { nowhere: true };
    if (refusal.kind === 'unknown-tool') return { terms: unknownTerms(decision) };
    return { refused: refusalAnswer(deps, call, id, refusal) };
  }
  return { terms: decision.kind === 'allowed' ? termsOf(decision) : undefined };
}

function isHidden(decision: GateDecision): boolean {
  return decision.kind === 'refused' && decision.because === 'hidden';
}

/** What is no tool of the upstream's takes its access rule and nothing more. */
function decideAccess(
  deps: McpDeps,
  call: FederatedCall,
  id: string | number,
  { visible: { access, upstream } }: Target,
): CallDecision {
  if (access.kind === 'allowed') return { terms: undefined };
  const lacking =
    access.kind === 'guest'
      ? call.lacking(upstream)
      : deps.inbound.needs(federatedRoute, access.scopes, call.caller);
  if (lacking === undefined) throw new Error('a guest lacks something');
  return { refused: challenge(call, id, lacking) };
}

function refusalAnswer(
  { inbound }: McpDeps,
  call: FederatedCall,
  id: string | number,
  refusal: Exclude<ToolRefusal, { kind: 'unknown-tool' }>,
): RpcAnswer {
  switch (refusal.kind) {
    case 'sign-in':
      return challenge(call, id, inbound.needs(federatedRoute, refusal.scopes));
    case 'step-up':
      return challenge(call, id, inbound.needs(federatedRoute, refusal.scopes, call.caller));
    case 'forbidden':
      return problemAnswer(id, 'forbidden', refusal.detail, call.requestId);
  }
}

/** 401 or 403 with its challenge, in answer to one request. */
export function challenge(
  { requestId }: FederatedCall,
  id: string | number,
  refusal: Refusal,
): RpcAnswer {
  const { code, detail, headers, status } = refusal;
  return { ...problemAnswer(id, code, detail, requestId, headers), status };
}
