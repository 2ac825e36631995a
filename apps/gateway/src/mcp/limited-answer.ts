import type { JsonRpcId } from '#lib/problem/render';
import { personKey } from '../credentials/use.js';
import type { Limited } from '../limits/limited.js';
import type { UpstreamLimits } from '../limits/upstream-limits.js';
import { peerOf } from '../inbound/peer-of.js';
import { isNobody } from './guest.js';
import type { McpCall } from './mcp-call.js';
import { problemAnswer, type RpcAnswer } from './rpc-answer.js';

/** Counts a call at its upstream's limits and marks its answer with what is left; or says why it is not taken. */
export function limitedAnswer(
  limits: UpstreamLimits | undefined,
  call: Pick<McpCall, 'caller' | 'request' | 'response' | 'requestId' | 'upstream'>,
  id: JsonRpcId = null,
  bodyBytes?: number,
): RpcAnswer | undefined {
  const { config } = call.upstream;
  if (limits === undefined || config.limits === undefined) return undefined;
  // Without a token there is nobody but an address to hold it against.
  const person = isNobody(call.caller) ? peerOf(call.request) : personKey(call.caller);
  const counted = limits.admit(person, config, call.request, bodyBytes);
  if (counted === undefined) return undefined;
  if (counted.kind === 'limited') return refusal(id, counted, call.requestId);
  if (call.response.headersSent) return undefined;
  for (let i = 0; i < counted.fields.length; i += 2)
    call.response.setHeader(counted.fields[i] ?? '', counted.fields[i + 1] ?? '');
  return undefined;
}

function refusal(id: JsonRpcId, { code, detail, headers }: Limited, requestId: string): RpcAnswer {
  return problemAnswer(id, code, detail, requestId, headers);
}
