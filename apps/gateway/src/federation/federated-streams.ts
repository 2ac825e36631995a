import type { EventStream } from '../mcp/event-stream.js';
import type { JsonObject } from '../mcp/message.js';
import { personOf, type FederatedCall } from './federated-call.js';
import type { FollowPeers, Follower } from './follow-peers.js';
import type { JoinedUpstreams } from './joined-upstreams.js';
import type { ListChanges } from './list-changes.js';
import type { Changes } from './list-kinds.js';

/** What one client's stream carries. */
export interface Streamed extends Omit<Follower, 'signal'> {
  readonly listsChanged: (changes: readonly Changes[]) => void;
  /** Whether updates of this joined URI are asked for. */
  readonly wants: (uri: string) => boolean;
}

/** A client's long-lived stream with the news of all its upstreams. */
export class FederatedStreams {
  constructor(
    private readonly joined: JoinedUpstreams,
    private readonly changes: ListChanges,
    private readonly followPeers: FollowPeers,
  ) {}

  /** Resolves when the client has gone. */
  async serve(call: FederatedCall, stream: EventStream, streamed: Streamed): Promise<void> {
    const gone = new AbortController();
    const stop = this.changes.listen(personOf(call.caller), {
      listsChanged: streamed.listsChanged,
      resourceUpdated: (params) => {
        if (!streamed.wants(params.uri)) return;
        const message: JsonObject = { method: 'notifications/resources/updated', params };
        streamed.send({ jsonrpc: '2.0', ...message });
      },
    });
    const follower = { ...streamed, signal: gone.signal };
    const following = this.joined
      .visible(call.caller)
      .map((visible) => this.followPeers.follow(call, visible, follower));
    await stream.closed;
    gone.abort();
    stop();
    await Promise.allSettled(following);
  }
}
