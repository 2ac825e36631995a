import { setTimeout as sleep } from 'node:timers/promises';
import type { McpCall, McpDeps } from '../mcp/mcp-call.js';
import { isObject, type JsonObject } from '../mcp/message.js';
import { isEventStream, isMcpAnswer } from '../mcp/relay.js';
import { callUpstream, discard, type Called, type UpstreamAnswer } from '../mcp/upstream-call.js';
import {
  accountOf,
  sessionHeaders,
  UpstreamSessions,
  type UpstreamSession,
} from '../mcp/upstream-sessions.js';
import { printExact } from './exact-json.js';
import { sessionAt, type ClientProfile } from './federated-call.js';
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
  type ServerRequestAnswer,
  type Unsent,
} from './peer.js';
import { MessageTooLong, readMessages, type ReadMessage } from './read-messages.js';

const mostResumptions = 100;
/** Unless the server says otherwise (SEP-1699). */
const resumeAfterMs = 500;
const longestPauseMs = 30_000;

export interface SessionListener {
  readonly onOpen: () => void;
  readonly onMessage: (message: JsonObject, session: UpstreamSession) => void;
}

/** An upstream of the revisions up to 2025-11-25: sessions, and requests of its own while it works on ours. */
export class LegacyPeer implements Peer {
  readonly sessions: UpstreamSessions;

  constructor(private readonly deps: McpDeps) {
    this.sessions = new UpstreamSessions(deps);
  }

  /** As it is sent, where its session is open and nothing has to be said there first. */
  sent(at: PeerCall, request: Unsent): SentRequest | undefined {
    const own = sessionAt(at.client, at.call.upstream.config.slug);
    const session = this.sessions.openUnder(at.call, own, at.credential);
    if (session === undefined || isNewLevel(at.client, session)) return undefined;
    return { headers: headersIn(session), body: Buffer.from(bodyOf(request)) };
  }

  async request(at: PeerCall, request: PeerRequest): Promise<PeerAnswer> {
    const { method } = request;
    const body = bodyOf(request);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const opened = await this.open(at, request);
      if (opened.kind !== 'open') return unanswered(opened);
      const { session } = opened;
      if (method !== 'logging/setLevel') await this.#level(at, session, request.signal);
      const begun = attempt === 0 ? request.begun : undefined;
      const called = await this.#post(at, session, body, { ...request, begun });
      if (called.kind !== 'answered') return unanswered(called);
      if (called.answer.status !== 404 || session.id === undefined || attempt === 1)
        return this.#read(at, session, called.answer, request);
      discard(called.answer);
      this.sessions.forget(sessionAt(at.client, at.call.upstream.config.slug));
    }
    return notMcpAnswer;
  }

  /** The session that belongs to this client, opened if it must be. */
  open(at: PeerCall, { wish }: Pick<PeerRequest, 'wish'>) {
    const session = sessionAt(at.client, at.call.upstream.config.slug);
    return this.sessions.open(at.call, session, at.credential, wish);
  }

  isOpen(call: McpCall, client: ClientProfile): boolean {
    return this.sessions.find(sessionAt(client, call.upstream.config.slug)) !== undefined;
  }

  /** The client's session is over: so is what was open for it. */
  async end(at: PeerCall): Promise<void> {
    const own = sessionAt(at.client, at.call.upstream.config.slug);
    const session = this.sessions.find(own);
    this.sessions.forget(own);
    if (session?.id === undefined || session.account !== accountOf(at.call, at.credential)) return;
    const signal = AbortSignal.timeout(at.call.upstream.config.timeoutMs);
    const sent = { method: 'DELETE', headers: sessionHeaders(session), signal } as const;
    const wish = { interaction: 'none' } as const;
    const called = await callUpstream(this.deps, at.call, at.credential, sent, wish);
    if (called.kind === 'answered') discard(called.answer);
  }

  /** A notification to the session that is open; nothing where there is none. */
  async notify(at: PeerCall, method: string, params: JsonObject): Promise<void> {
    const session = this.sessions.find(sessionAt(at.client, at.call.upstream.config.slug));
    if (session === undefined || session.account !== accountOf(at.call, at.credential)) return;
    await this.#tell(at, session, { jsonrpc: '2.0', method, params });
  }

  /** The session's messages that belong to no request, until the stream ends. False: it has no such stream. */
  async stream(
    at: PeerCall,
    signal: AbortSignal,
    { onOpen, onMessage }: SessionListener,
  ): Promise<'ended' | 'failed' | 'never'> {
    const opened = await this.open(at, { wish: { interaction: 'none' } });
    if (opened.kind !== 'open') return 'failed';
    const called = await this.#get(at, opened.session, signal, undefined);
    if (called.kind !== 'answered') return 'failed';
    const { answer } = called;
    if (answer.status !== 200 || !isEventStream(answer)) {
      discard(answer);
      if (answer.status === 404)
        this.sessions.forget(sessionAt(at.client, at.call.upstream.config.slug));
      return answer.status === 405 ? 'never' : 'failed';
    }
    onOpen();
    try {
      for await (const { message } of readMessages(answer, at.call.upstream.config))
        if (message !== undefined) onMessage(message, opened.session);
    } catch {
      // Cut off: the caller comes back.
    }
    return 'ended';
  }

  /** Sends the client's answer to a request of the server. */
  respond(at: PeerCall, session: UpstreamSession, id: unknown, answer: ServerRequestAnswer): void {
    void this.#tell(at, session, { jsonrpc: '2.0', id, ...answer });
  }

  async #read(
    at: PeerCall,
    session: UpstreamSession,
    first: UpstreamAnswer,
    request: PeerRequest,
  ): Promise<PeerAnswer> {
    let answer = first;
    for (let resumed = 0; resumed < mostResumptions; resumed += 1) {
      if (!isMcpAnswer(answer)) {
        discard(answer);
        return notMcpAnswer;
      }
      if (isEventStream(answer)) request.onStream?.();
      const { found, eventId, retryMs } = await this.#follow(at, session, answer, request);
      if (found !== undefined) return found;
      // A stream with event ids may be broken off on purpose: the rest comes on the next one.
      if (eventId === undefined || request.signal.aborted) return notMcpAnswer;
      await sleep(Math.min(retryMs ?? resumeAfterMs, longestPauseMs));
      const called = await this.#get(at, session, request.signal, eventId);
      if (called.kind !== 'answered') return unanswered(called);
      answer = called.answer;
    }
    return notMcpAnswer;
  }

  async #follow(
    at: PeerCall,
    session: UpstreamSession,
    answer: UpstreamAnswer,
    request: PeerRequest,
  ): Promise<Partial<Pick<ReadMessage, 'eventId' | 'retryMs'>> & { readonly found?: PeerAnswer }> {
    let last: Partial<ReadMessage> = {};
    try {
      for await (const read of readMessages(answer, at.call.upstream.config)) {
        last = read;
        const { message } = read;
        if (message === undefined) continue;
        if (typeof message['method'] === 'string') {
          this.#pass(at, session, message, request);
        } else if (message['id'] === request.id || answer.status !== 200) {
          discard(answer);
          return { found: answerIn(message) ?? notMcpAnswer };
        }
      }
    } catch (error) {
      // Cut off in the middle: perhaps it can be resumed; what is too long would be again.
      if (error instanceof MessageTooLong) return { found: brokenOff(error) };
    }
    return { eventId: last.eventId, retryMs: last.retryMs };
  }

  #pass(at: PeerCall, session: UpstreamSession, message: JsonObject, request: PeerRequest): void {
    const { id } = message;
    const method = String(message['method']);
    const params = isObject(message['params']) ? message['params'] : {};
    if (id === undefined) return request.onNotification?.(method, params);
    const respond = (answer: ServerRequestAnswer): void => this.respond(at, session, id, answer);
    if (method === 'ping') return respond({ result: {} });
    if (request.onServerRequest === undefined || isAboutClientsTasks(method))
      return respond({ error: { code: -32601, message: 'Method not found.' } });
    return request.onServerRequest({ id, method, params, respond });
  }

  /** The session's level of logging is the client's; told where it is another than before. */
  async #level(at: PeerCall, session: UpstreamSession, signal: AbortSignal): Promise<void> {
    const { logLevel } = at.client;
    if (logLevel === undefined || !isNewLevel(at.client, session)) return;
    levels.set(session, logLevel);
    if (!isObject(session.capabilities?.['logging'])) return;
    const message = {
      jsonrpc: '2.0',
      id: 'level',
      method: 'logging/setLevel',
      params: { level: logLevel },
    };
    const called = await this.#send(at, session, { message, signal });
    if (called.kind === 'answered') discard(called.answer);
  }

  async #tell(at: PeerCall, session: UpstreamSession, message: JsonObject): Promise<void> {
    const signal = AbortSignal.timeout(at.call.upstream.config.timeoutMs);
    const called = await this.#send(at, session, { message, signal });
    if (called.kind === 'answered') discard(called.answer);
  }

  #send(
    at: PeerCall,
    session: UpstreamSession,
    { message, signal }: { readonly message: JsonObject; readonly signal: AbortSignal },
  ): Promise<Called> {
    return this.#post(at, session, printExact(message), { signal, wish: { interaction: 'none' } });
  }

  #post(
    at: PeerCall,
    session: UpstreamSession,
    body: string,
    { signal, wish, begun }: Pick<PeerRequest, 'signal' | 'wish' | 'begun'>,
  ): Promise<Called> {
    const headers = headersIn(session);
    const sent = { method: 'POST', headers, body: Buffer.from(body), signal } as const;
    return callUpstream(this.deps, at.call, at.credential, sent, wish, begun);
  }

  #get(
    at: PeerCall,
    session: UpstreamSession,
    signal: AbortSignal,
    eventId: string | undefined,
  ): Promise<Called> {
    const headers = {
      accept: 'text/event-stream',
      ...sessionHeaders(session),
      ...(eventId === undefined ? {} : { 'last-event-id': eventId }),
    };
    const sent = { method: 'GET', headers, signal } as const;
    return callUpstream(this.deps, at.call, at.credential, sent, { interaction: 'none' });
  }
}

const levels = new WeakMap<UpstreamSession, string>();

function isNewLevel({ logLevel }: ClientProfile, session: UpstreamSession): boolean {
  return logLevel !== undefined && levels.get(session) !== logLevel;
}

function bodyOf({ id, method, params }: Unsent): string {
  return printExact({ jsonrpc: '2.0', id, method, params });
}

function headersIn(session: UpstreamSession): Record<string, string> {
  return {
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    ...sessionHeaders(session),
  };
}

/** No upstream was told that the client runs any (`sessionAt`). */
export function isAboutClientsTasks(method: string): boolean {
  return method.startsWith('tasks/');
}
