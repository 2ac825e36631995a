import { metaKey, modernVersion } from '../mcp/era.js';
import type { McpDeps } from '../mcp/mcp-call.js';
import { isObject, type JsonObject } from '../mcp/message.js';
import { isEventStream, isMcpAnswer } from '../mcp/relay.js';
import { callUpstream, discard } from '../mcp/upstream-call.js';
import { printExact } from './exact-json.js';
import {
  answerIn,
  brokenOff,
  notMcpAnswer,
  unanswered,
  type Peer,
  type PeerAnswer,
  type PeerCall,
  type PeerRequest,
  type SentRequest,
  type Unsent,
} from './peer.js';
import { readMessages } from './read-messages.js';

export const logLevelKey = 'io.modelcontextprotocol/logLevel';

/** An upstream of revision 2026-07-28: each request stands for itself. */
export class ModernPeer implements Peer {
  constructor(private readonly deps: McpDeps) {}

  /** As it is sent: nothing has to be open for it. */
  sent(at: PeerCall, { id, method, params, headers }: Unsent): SentRequest {
    const message = {
      jsonrpc: '2.0',
      id,
      method,
      params: { ...params, _meta: metaOf(at, params) },
    };
    return {
      headers: { ...modernHeaders(method, params), ...headers },
      body: Buffer.from(printExact(message)),
    };
  }

  async request(at: PeerCall, request: PeerRequest): Promise<PeerAnswer> {
    const { id, signal, wish, begun } = request;
    const sent = { method: 'POST', ...this.sent(at, request), signal } as const;
    const called = await callUpstream(this.deps, at.call, at.credential, sent, wish, begun);
    if (called.kind !== 'answered') return unanswered(called);
    const { answer } = called;
    const { status } = answer;
    if (!isMcpAnswer(answer)) {
      discard(answer);
      return { ...notMcpAnswer, status };
    }
    if (isEventStream(answer)) request.onStream?.();
    try {
      for await (const { message } of readMessages(answer, at.call.upstream.config)) {
        if (message === undefined) continue;
        if (typeof message['method'] === 'string') notify(request, message['method'], message);
        else if (message['id'] === id || answer.status !== 200) {
          discard(answer);
          const found = answerIn(message) ?? notMcpAnswer;
          return found.kind === 'result' ? found : { ...found, status };
        }
      }
    } catch (error) {
      return { ...brokenOff(error), status };
    }
    return { ...notMcpAnswer, status };
  }
}

function notify(request: PeerRequest, method: string, message: JsonObject): void {
  request.onNotification?.(method, isObject(message['params']) ? message['params'] : {});
}

function metaOf({ client }: PeerCall, params: JsonObject): JsonObject {
  const given = isObject(params['_meta']) ? params['_meta'] : {};
  return {
    ...given,
    [metaKey.version]: modernVersion,
    [metaKey.capabilities]: client.capabilities,
    [metaKey.clientInfo]: client.clientInfo,
    ...(client.logLevel === undefined ? {} : { [logLevelKey]: client.logLevel }),
  };
}

/** The headers that must say what the body says. */
function modernHeaders(method: string, params: JsonObject): Record<string, string> {
  const name = params['name'] ?? params['uri'] ?? params['taskId'];
  const named = method.startsWith('tools/') || method.startsWith('prompts/');
  const has = named || method === 'resources/read' || method.startsWith('tasks/');
  return {
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-protocol-version': modernVersion,
    'mcp-method': method,
    ...(has && typeof name === 'string' ? { 'mcp-name': headerValue(name) } : {}),
  };
}

/** As it is where a header can carry it, else in the Base64 sentinel. */
export function headerValue(text: string): string {
  const plain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text);
  if (plain && !text.startsWith('=?base64?')) return text;
  return `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
}
