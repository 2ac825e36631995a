import type { BorrowedCredential } from '../credentials/credentials.js';
import type { EventStream } from './event-stream.js';
import type { Attempt } from './follow-upstream.js';
import type { LegacySession } from './legacy-session.js';
import type { McpCall, McpDeps } from './mcp-call.js';
import { mergeEvents } from './merge-events.js';
import { isEventStream } from './relay.js';
import { rewriteEvent, type Rewrite } from './rewrite-stream.js';
import { callUpstream, discard } from './upstream-call.js';
import { sessionHeaders, type UpstreamSessions } from './upstream-sessions.js';

/** The GET stream of a legacy upstream's session, merged into the client's. */
export class UpstreamStream {
  #lastEventId: string | undefined;
  #rewritten = Promise.resolve();

  constructor(
    private readonly deps: McpDeps,
    private readonly call: McpCall,
    private readonly session: LegacySession,
    private readonly client: {
      readonly stream: EventStream;
      readonly rewrite: Rewrite | undefined;
    },
  ) {
    const id = call.request.headers['last-event-id'];
    this.#lastEventId = typeof id === 'string' ? id : undefined;
  }

  async merge(
    sessions: UpstreamSessions,
    credential: BorrowedCredential,
    signal: AbortSignal,
  ): Promise<Attempt> {
    const opened = await sessions.open(this.call, this.session, credential, {
      interaction: 'none',
    });
    if (opened.kind !== 'open') return 'failed';
    const headers = {
      accept: 'text/event-stream',
      ...sessionHeaders(opened.session),
      ...(this.#lastEventId === undefined ? {} : { 'last-event-id': this.#lastEventId }),
    };
    const sent = { method: 'GET', headers, signal } as const;
    const called = await callUpstream(this.deps, this.call, credential, sent, {
      interaction: 'none',
    });
    if (called.kind !== 'answered') return 'failed';
    const { answer } = called;
    if (answer.status === 200 && isEventStream(answer)) {
      await mergeEvents(answer.body, (event) => this.#write(event));
      return 'streamed';
    }
    discard(answer);
    if (answer.status === 404) sessions.forget(this.session);
    return answer.status === 405 ? 'never' : 'failed';
  }

  // An answer may come here when a stream is resumed: lists are thinned out on this way too.
  #write(event: string): void {
    const { stream, rewrite } = this.client;
    if (rewrite === undefined) return this.#pass(stream, event);
    this.#rewritten = this.#rewritten
      .then(async () => this.#pass(stream, await rewriteEvent(event, rewrite)))
      .catch(() => stream.end());
  }

  #pass(stream: EventStream, event: string): void {
    // What the client would resume with is what the upstream is asked to resume with.
    for (const [, id] of event.matchAll(/^id:[ ]?([^\r\n]*)$/gm)) this.#lastEventId = id;
    stream.write(event);
  }
}
