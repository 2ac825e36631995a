import { setMaxListeners } from 'node:events';
import type { CallRequest, CallResponse } from '../connection/exchange.js';
import type { Refusal } from '../inbound/inbound.js';
import { eraOf, type EraRejection } from './era.js';
import { nameOf, parseMessage, type McpMessage } from './message.js';
import { problemAnswer, rpcError, type RpcAnswer } from './rpc-answer.js';

/** Aborted when the client leaves before its answer is complete. */
export function goneSignal(response: CallResponse): AbortSignal {
  const gone = new AbortController();
  // Each upstream that one call asks listens.
  setMaxListeners(0, gone.signal);
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  if (response.destroyed) gone.abort();
  return gone.signal;
}

/** For the access line, and for whoever traces. */
function noteMethod(outcome: { method?: string; tool?: string }, message: McpMessage): void {
  if (message.kind === 'response') return;
  outcome.method = message.method;
  if (message.kind !== 'request' || message.method !== 'tools/call') return;
  const tool = nameOf(message);
  if (tool !== undefined) outcome.tool = tool.slice(0, 128);
}

export function refusalAnswer(refusal: Refusal, requestId: string): RpcAnswer {
  const answer = problemAnswer(null, refusal.code, refusal.detail, requestId, refusal.headers);
  return { ...answer, status: refusal.status };
}

export function rejectionAnswer(id: string | number | null, rejection: EraRejection): RpcAnswer {
  const headers: Record<string, string> = rejection.status === 405 ? { allow: 'POST' } : {};
  return {
    ...rpcError(id, rejection.code, rejection.message, rejection.data),
    status: rejection.status,
    headers,
  };
}

export function tooManyCalls(requestId: string, waitSeconds = 1): RpcAnswer {
  const detail = 'You have too many calls open at once.';
  const headers = { 'retry-after': String(waitSeconds) };
  return problemAnswer(null, 'too-many-requests', detail, requestId, headers);
}

/** What a POST says, and by which era's rules; or why neither of them lets it pass. */
export interface ReadMessage {
  readonly message: McpMessage;
  readonly era: 'modern' | 'legacy';
}

export function readMessage(
  body: Buffer,
  { request, outcome }: { readonly request: CallRequest; readonly outcome: { tool?: string } },
): ReadMessage | RpcAnswer {
  const message = parseMessage(body);
  if (message.kind === 'bad')
    return { ...rpcError(null, message.code, message.message), status: 400 };
  noteMethod(outcome, message);
  const judged = eraOf(message, request.headers);
  if (judged.era === 'rejected')
    return rejectionAnswer(message.kind === 'request' ? message.id : null, judged);
  return { message, era: judged.era };
}
