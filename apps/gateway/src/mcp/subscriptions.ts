import type { BorrowedCredential } from '../credentials/credentials.js';
import type { Consents } from './consents.js';
import { EventStream } from './event-stream.js';
import { metaKey } from './era.js';
import { followUpstream, type Attempt } from './follow-upstream.js';
import { sharerOf, type McpCall, type McpDeps } from './mcp-call.js';
import { mergeEvents } from './merge-events.js';
import { isObject, type JsonObject, type McpRequest } from './message.js';
import type { OpenStreams } from './open-streams.js';
import { isEventStream, upstreamHeaders } from './relay.js';
import { rpcError, writeAnswer } from './rpc-answer.js';
import { callUpstream, discard } from './upstream-call.js';

const acknowledged = 'notifications/subscriptions/acknowledged';
const listKinds = {
  toolsListChanged: 'tools',
  promptsListChanged: 'prompts',
  resourcesListChanged: 'resources',
} as const;

/**
 * `subscriptions/listen` before consent: says that the lists changed once the person has agreed, and from
 * then on carries what the upstream says to the same request.
 */
export class Subscriptions {
  constructor(
    private readonly deps: McpDeps,
    private readonly consents: Consents,
    private readonly streams: OpenStreams,
  ) {}

  async serve(call: McpCall, message: McpRequest): Promise<void> {
    const wanted = message.params['notifications'];
    if (!isObject(wanted)) {
      const detail = 'Invalid params: notifications is missing.';
      return writeAnswer(call.response, rpcError(message.id, -32602, detail));
    }
    const place = this.streams.open(call, message.id);
    if (place === undefined) return;
    const stream = new EventStream(call.response);
    const stopListening = this.#announce(call, message, wanted, stream);
    const gone = new AbortController();
    const following = followUpstream(call, {
      deps: this.deps,
      consents: this.consents,
      stream,
      signal: gone.signal,
      attempt: (credential) => this.#merge(call, message, credential, stream, gone.signal),
    });
    await stream.closed;
    gone.abort();
    stopListening();
    place.leave();
    await following;
  }

  #announce(
    call: McpCall,
    message: McpRequest,
    wanted: JsonObject,
    stream: EventStream,
  ): () => void {
    const kinds = Object.entries(listKinds).filter(([name]) => wanted[name] === true);
    const _meta = { [metaKey.subscriptionId]: message.id };
    const notifications = Object.fromEntries(kinds.map(([name]) => [name, true]));
    stream.send({ jsonrpc: '2.0', method: acknowledged, params: { notifications, _meta } });
    return this.consents.listen(sharerOf(call), () => {
      for (const [, kind] of kinds)
        stream.send({
          jsonrpc: '2.0',
          method: `notifications/${kind}/list_changed`,
          params: { _meta },
        });
    });
  }

  async #merge(
    call: McpCall,
    message: McpRequest,
    credential: BorrowedCredential,
    stream: EventStream,
    signal: AbortSignal,
  ): Promise<Attempt> {
    const headers = upstreamHeaders(call.request.headers, 'modern', call.token);
    const sent = { method: 'POST', headers, body: message.body.bytes, signal } as const;
    const called = await callUpstream(this.deps, call, credential, sent, { interaction: 'none' });
    if (called.kind !== 'answered') return 'failed';
    if (called.answer.status !== 200 || !isEventStream(called.answer)) {
      discard(called.answer);
      return 'never';
    }
    await mergeEvents(called.answer.body, (event) => {
      // The client has been acknowledged already.
      if (!event.includes(acknowledged)) stream.write(event);
    });
    return 'streamed';
  }
}
