import type { InteractionNeeded } from '../credentials/credentials.js';
import type { McpCall } from './mcp-call.js';
import { toolNotice } from './elicit.js';
import { isObject, type McpRequest } from './message.js';
import { problemAnswer, rpcError, type RpcAnswer } from './rpc-answer.js';

/** Whether the person said in their client that they do not want to connect. */
export function refusedByPerson(message: McpRequest): boolean {
  const responses = message.params['inputResponses'];
  const consent = isObject(responses) ? responses['consent'] : undefined;
  return isObject(consent) && (consent['action'] === 'decline' || consent['action'] === 'cancel');
}

export function notConnected(call: McpCall, message: McpRequest): RpcAnswer {
  const text = `${call.upstream.config.name} was not connected, because the request was declined. Nothing was called.`;
  return message.method === 'tools/call'
    ? toolNotice(message.id, text)
    : rpcError(message.id, -32000, text);
}

/** There is nothing to ask the person now. */
export function comeBack(
  call: McpCall,
  message: McpRequest,
  { message: detail }: Pick<InteractionNeeded, 'message'>,
): RpcAnswer {
  return problemAnswer(message.id, 'temporarily-unavailable', detail, call.requestId, {
    'retry-after': '5',
  });
}

export function tooMany(call: McpCall, message: McpRequest): RpcAnswer {
  const detail = 'Too many requests wait for this consent already.';
  return problemAnswer(message.id, 'too-many-requests', detail, call.requestId, {
    'retry-after': '5',
  });
}
