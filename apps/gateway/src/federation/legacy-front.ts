import { EndedSessions } from '../mcp/ended-sessions.js';
import { EventStream } from '../mcp/event-stream.js';
import {
  negotiatedVersion,
  newSession,
  noSessionId,
  OpenedSessions,
  readInitializeParams,
  sealSession,
  sessionNotFound,
  wantsEventStream,
  type LegacySession,
} from '../mcp/legacy-session.js';
import type { LegacyStreams } from '../mcp/legacy-streams.js';
import { isNobody } from '../mcp/guest.js';
import type { McpDeps } from '../mcp/mcp-call.js';
import type { McpMessage } from '../mcp/message.js';
import type { OpenStreams } from '../mcp/open-streams.js';
import { result, rpcError, writeAnswer, type RpcAnswer } from '../mcp/rpc-answer.js';
import type { ActiveCalls } from './active-calls.js';
import { parseExact, printExact } from './exact-json.js';
import { legacyProfile, type FederatedCall } from './federated-call.js';
import type { FederatedCalls } from './federated-calls.js';
import { federatedRoute } from './federated-state.js';
import type { FederatedStreams } from './federated-streams.js';
import type { JoinedLists } from './joined-lists.js';
import type { JoinedUpstreams } from './joined-upstreams.js';
import type { LegacySessions } from './legacy-sessions.js';
import { changedMethod, isListMethod } from './list-kinds.js';
import { outwardQuestion } from './outward.js';
import { instructionsFor, serverInfo } from './own-profile.js';
import type { Asked } from './pauses.js';
import { Reply } from './reply.js';
import type { ResourceSubscriptions } from './resource-subscriptions.js';
import type { TaskIds } from './task-ids.js';
import type { TaskLists } from './task-lists.js';
import { originOf, type ServerRequests } from './server-requests.js';

const forOneUpstream = new Set([
  'tools/call',
  'prompts/get',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'completion/complete',
  'tasks/get',
  'tasks/result',
  'tasks/cancel',
]);
const accepted: RpcAnswer = { status: 202, body: undefined };

export interface LegacyParts {
  readonly deps: McpDeps;
  readonly joined: JoinedUpstreams;
  readonly lists: JoinedLists;
  readonly calls: FederatedCalls;
  readonly streams: FederatedStreams;
  readonly told: LegacyStreams;
  readonly open: OpenStreams;
  readonly questions: ServerRequests;
  readonly active: ActiveCalls;
  readonly subscriptions: ResourceSubscriptions;
  readonly sessions: LegacySessions;
  readonly tasks: TaskIds;
  readonly taskLists: TaskLists;
}

/** Revisions up to 2025-11-25 at the joined endpoint: a sealed session, so that every replica knows it. */
export class LegacyFront {
  readonly #ended: EndedSessions;
  readonly #opened: OpenedSessions;
  readonly #levels = new Map<string, string>();

  constructor(private readonly parts: LegacyParts) {
    const { watch, clock, sealer } = parts.deps;
    this.#ended = new EndedSessions(watch, clock);
    this.#opened = new OpenedSessions(sealer);
    watch.onSessionEnded((nonce) => this.#forget(nonce));
  }

  serve(call: FederatedCall, message: McpMessage, asked: Asked | undefined): void | Promise<void> {
    if (asked?.method === 'initialize') return this.#initialize(call, asked);
    const session = this.#session(call);
    if ('status' in session) return writeAnswer(call.response, session);
    call.client = legacyProfile(session, this.#levels.get(session.nonce));
    if (asked !== undefined) return this.#request(call, session, asked);
    return this.#told(call, session, message);
  }

  async #told(call: FederatedCall, session: LegacySession, message: McpMessage): Promise<void> {
    writeAnswer(call.response, accepted);
    if (message.kind === 'response')
      return this.parts.questions.answered(session.nonce, parseExact(message.body.text));
    if (message.kind !== 'notification') return;
    const { method, params } = message;
    if (method === 'notifications/cancelled')
      return this.parts.active.cancel(session.nonce, params['requestId'], params['reason']);
    if (method === 'notifications/roots/list_changed')
      await this.parts.sessions.notifyAll(call, method, params);
  }

  /** GET: what all upstreams and the gateway have to say to this session. */
  async listen(call: FederatedCall): Promise<void> {
    const session = this.#session(call);
    if ('status' in session) return writeAnswer(call.response, session);
    if (!(call.request.headers.accept ?? '').includes('text/event-stream'))
      return writeAnswer(call.response, wantsEventStream);
    const place = this.parts.open.open(call, null);
    if (place === undefined) return;
    call.client = legacyProfile(session, this.#levels.get(session.nonce));
    const stream = new EventStream(call.response);
    // Completions go to the session that was asked; which lists changed is told by the streams' own means.
    const remove = this.parts.told.add(session, federatedRoute, stream);
    await this.#stream(call, session, stream);
    remove();
    place.leave();
  }

  /** DELETE: the session is over at every replica, and at the upstreams. */
  async end(call: FederatedCall): Promise<void> {
    const session = this.#session(call);
    if ('status' in session) return writeAnswer(call.response, session);
    this.#ended.add(session.nonce);
    this.parts.told.end(session.nonce);
    // The vault hears of people's sessions only: nobody in particular could end as many as they like.
    if (!isNobody(call.caller)) await this.parts.deps.watch.endSession(session.nonce);
    this.#forget(session.nonce);
    writeAnswer(call.response, { status: 204, body: undefined });
    call.client = legacyProfile(session, undefined);
    await this.parts.sessions.endAll(call);
  }

  async #stream(own: FederatedCall, session: LegacySession, stream: EventStream): Promise<void> {
    const { nonce } = session;
    const { subscriptions, questions, tasks } = this.parts;
    const send = (message: unknown): void =>
      stream.write(`event: message\ndata: ${printExact(message)}\n\n`);
    const gone = new AbortController();
    void stream.closed.then(() => gone.abort());
    await this.parts.streams.serve(own, stream, {
      send,
      listsChanged: (changes) => {
        for (const one of changes) send({ jsonrpc: '2.0', method: changedMethod(one) });
      },
      wants: (uri) => subscriptions.has(nonce, uri),
      subscribed: (slug) => subscriptions.at(nonce, slug),
      onSubscribed: (listener) => subscriptions.onChange(nonce, listener),
      ask: (at, request) => {
        const { slug } = at.call.upstream.config;
        const origin = originOf(nonce, slug, request.id);
        const { method, params } = outwardQuestion(own.client, slug, request);
        const question = {
          origin,
          method,
          params: tasks.outward(own.caller, slug, method, params),
        };
        void questions
          .ask(nonce, question, send, gone.signal)
          .then((answer) => request.respond(tasks.inward(own.caller, answer)));
      },
    });
  }

  #initialize(call: FederatedCall, { id, params }: Asked): void {
    const { deps, joined } = this.parts;
    const given = readInitializeParams(params);
    if (given === undefined)
      return writeAnswer(call.response, {
        ...rpcError(id, -32_602, 'Invalid params: initialize is malformed or too large.'),
        status: 400,
      });
    const version = negotiatedVersion(given.protocolVersion);
    const session = newSession(call.caller, given, version, deps.clock.now());
    const value = {
      protocolVersion: version,
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        completions: {},
        logging: {},
        // Whose tools take part says each of them.
        tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } },
      },
      serverInfo,
      instructions: instructionsFor(joined.visible(call.caller)),
    };
    const headers = { 'mcp-session-id': sealSession(deps.sealer, federatedRoute, session) };
    writeAnswer(call.response, { ...result(id, value), headers });
  }

  #request(call: FederatedCall, session: LegacySession, asked: Asked): void | Promise<void> {
    const reply = new Reply(call.response, asked.id);
    return forOneUpstream.has(asked.method)
      ? this.parts.calls.serve(call, asked, reply)
      : this.#ownRequest(call, session, asked, reply);
  }

  async #ownRequest(
    call: FederatedCall,
    session: LegacySession,
    { id, method, params }: Asked,
    reply: Reply,
  ): Promise<void> {
    if (isListMethod(method)) {
      const list = await this.parts.lists.list(call, method, params['cursor']);
      if (list !== undefined) return reply.resultBytes(list);
      return reply.answer(leadsNowhere(id));
    }
    if (method === 'tasks/list') {
      const listed = await this.parts.taskLists.list(call, params['cursor']);
      return listed === undefined ? reply.answer(leadsNowhere(id)) : reply.result(listed);
    }
    if (method === 'ping') return reply.result({});
    if (method !== 'logging/setLevel')
      return reply.answer(rpcError(id, -32_601, 'Method not found.'));
    this.#levels.set(session.nonce, String(params['level']));
    const [oldest] = this.#levels.keys();
    if (this.#levels.size > 10_000 && oldest !== undefined) this.#levels.delete(oldest);
    return reply.result({});
  }

  #session(call: FederatedCall): LegacySession | RpcAnswer {
    const id = call.request.headers['mcp-session-id'];
    if (typeof id !== 'string') return noSessionId;
    const expected = { caller: call.caller, now: this.parts.deps.clock.now() };
    const session = this.#opened.find(federatedRoute, id, expected);
    if (session !== undefined && !this.#ended.has(session.nonce)) return session;
    return sessionNotFound;
  }

  #forget(nonce: string): void {
    this.#levels.delete(nonce);
    this.parts.subscriptions.end(nonce);
  }
}

function leadsNowhere(id: string | number): RpcAnswer {
  return rpcError(id, -32_602, 'Invalid params: this cursor leads nowhere.');
}
