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

export function tooMany(call: McpCall, message: McpRequest): RpcAnswer {
  const detail = 'Too many requests wait for this consent already.';
  return problemAnswer(message.id, 'too-many-requests', detail, call.requestId, {
    'retry-after': '5',
  });
}
