import type { InteractionWatch } from '../credentials/credentials.js';
import { EventStream } from './event-stream.js';
import { metaKey } from './era.js';
import { sharerOf, type McpCall } from './mcp-call.js';
import { isObject, type McpRequest } from './message.js';
import type { OpenStreams } from './open-streams.js';
import { problemAnswer, rpcError, writeAnswer } from './rpc-answer.js';

const listKinds = {
  toolsListChanged: 'tools',
  promptsListChanged: 'prompts',
  resourcesListChanged: 'resources',
} as const;

/** `subscriptions/listen` before consent: says that the lists changed once the person has agreed. */
export class Subscriptions {
  readonly #open = new Map<string, Set<() => void>>();

  constructor(
    watch: InteractionWatch,
    private readonly streams: OpenStreams,
  ) {
    watch.onEnded(({ issuer, subject, application, upstream, state }) => {
      if (state !== 'completed') return;
      for (const changed of this.#open.get(
        JSON.stringify([issuer, subject, application, upstream]),
      ) ?? [])
        changed();
    });
  }

  async serve(call: McpCall, message: McpRequest): Promise<void> {
    const wanted = message.params['notifications'];
    if (!isObject(wanted))
      return writeAnswer(
        call.response,
        rpcError(message.id, -32602, 'Invalid params: notifications is missing.'),
      );
    const close = this.streams.open(call.caller);
    if (close === undefined)
      return writeAnswer(
        call.response,
        problemAnswer(message.id, 'too-many-requests', 'Too many open streams.', call.requestId),
      );
    const stream = new EventStream(call.response);
    const kinds = Object.entries(listKinds).filter(([name]) => wanted[name] === true);
    const _meta = { [metaKey.subscriptionId]: message.id };
    const notifications = Object.fromEntries(kinds.map(([name]) => [name, true]));
    stream.send({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications, _meta },
    });
    const stop = this.#listen(sharerOf(call), () => {
      for (const [, kind] of kinds)
        stream.send({
          jsonrpc: '2.0',
          method: `notifications/${kind}/list_changed`,
          params: { _meta },
        });
    });
    await stream.closed;
    stop();
    close();
  }

  #listen(sharer: string, changed: () => void): () => void {
    const listeners = this.#open.get(sharer) ?? new Set();
    this.#open.set(sharer, listeners.add(changed));
    return () => {
      listeners.delete(changed);
      if (listeners.size === 0) this.#open.delete(sharer);
    };
  }
}
