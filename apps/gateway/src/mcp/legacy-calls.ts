import type { BorrowedCredential, CredentialAnswer } from '../credentials/credentials.js';
import type { BeforeConsent } from './before-consent.js';
import { borrow, refusedAnswer, withTerms, type BorrowWish } from './borrow.js';
import { connectedAnswer, lookBody } from './connect-tool.js';
import type { Consents } from './consents.js';
import { outgoing, undisguised } from './decoy.js';
import { Decoys } from './decoys.js';
import { elicitLegacy, elicitsByUrl, isPause } from './elicit.js';
import { EndedSessions } from './ended-sessions.js';
import { EventStream } from './event-stream.js';
import { isAnsweredHere } from './guest.js';
import {
  noSessionId,
  noStream,
  OpenedSessions,
  sessionNotFound,
  wantsEventStream,
  type LegacySession,
} from './legacy-session.js';
import { followUpstream } from './follow-upstream.js';
import { headersIn, InSession, type Sending } from './in-session.js';
import { LegacyHandshake } from './legacy-handshake.js';
import { LegacyStreams } from './legacy-streams.js';
import { listing, listingOf } from './listing.js';
import { LookFirst } from './look-first.js';
import { sharerOf, type McpCall, type McpDeps } from './mcp-call.js';
import type { McpMessage, McpNotification, McpRequest, McpResponse } from './message.js';
import type { OpenStreams } from './open-streams.js';
import { isMcpAnswer, relay, type Reading } from './relay.js';
import { writeAnswer, type RpcAnswer } from './rpc-answer.js';
import { comeBack } from './paused-answers.js';
import { mustSignInAgain, signInAgain } from './sign-in-again.js';
import { callStraight, goesStraight } from './straight-call.js';
import { callUpstream, discard, failureAnswer, notMcp } from './upstream-call.js';
import { accountOf, sessionHeaders, UpstreamSessions } from './upstream-sessions.js';
import { UpstreamStream } from './upstream-stream.js';

const accepted: RpcAnswer = { status: 202, body: undefined };

/** Revisions up to 2025-11-25: sessions, GET streams, errors that carry a link. */
export class LegacyCalls {
  readonly #decoys = new Decoys();
  readonly #ended: EndedSessions;
  readonly #streams: LegacyStreams;
  readonly #sessions: UpstreamSessions;
  readonly #inSession: InSession;
  readonly #ids: OpenedSessions;
  readonly #handshake: LegacyHandshake;
  readonly #looks: LookFirst;

  constructor(
    private readonly deps: McpDeps,
    private readonly before: BeforeConsent,
    private readonly consents: Consents,
    private readonly open: OpenStreams,
  ) {
    this.#ended = new EndedSessions(deps.watch, deps.clock);
    this.#streams = new LegacyStreams(deps.watch, deps.clock);
    this.#sessions = new UpstreamSessions(deps);
    this.#inSession = new InSession(deps, this.#sessions);
    this.#looks = new LookFirst(deps);
    this.#ids = new OpenedSessions(deps.sealer);
    this.#handshake = new LegacyHandshake(deps, before, this.#sessions);
  }

  serve(call: McpCall, message: McpMessage): void | Promise<void> {
    if (message.kind === 'request' && message.method === 'initialize')
      return this.#handshake.initialize(call, message);
    const session = this.#session(call);
    if ('status' in session) return writeAnswer(call.response, session);
    return message.kind === 'request'
      ? this.#request(call, session, message)
      : this.#pass(call, session, message);
  }

  /** GET: the upstream's messages and our own on one stream. */
  async listen(call: McpCall): Promise<void> {
    // Nothing of a guest's comes on such a stream, and a challenge here would ask everybody to sign in at once.
    if (call.lacking !== undefined) return writeAnswer(call.response, noStream);
    const session = this.#session(call);
    if ('status' in session) return writeAnswer(call.response, session);
    if (!(call.request.headers.accept ?? '').includes('text/event-stream'))
      return writeAnswer(call.response, wantsEventStream);
    const place = this.open.open(call, null);
    if (place === undefined) return;
    const stream = new EventStream(call.response);
    const remove = this.#streams.add(session, sharerOf(call), stream);
    const gone = new AbortController();
    const thin = listing(this.deps, call, 'legacy');
    const rewrite = thin && (async (json: string) => this.#decoys.undo(await thin(json)));
    const upstream = new UpstreamStream(this.deps, call, session, { stream, rewrite });
    const following = followUpstream(call, {
      deps: this.deps,
      consents: this.consents,
      stream,
      signal: gone.signal,
      attempt: (credential) => upstream.merge(this.#sessions, credential, gone.signal),
    });
    await stream.closed;
    gone.abort();
    remove();
    place.leave();
    await following;
  }

  /** DELETE: the session is over at every replica, and at the upstream. */
  async end(call: McpCall): Promise<void> {
    const session = this.#session(call);
    if ('status' in session) return writeAnswer(call.response, session);
    this.#ended.add(session.nonce);
    this.#streams.end(session.nonce);
    const upstream = this.#sessions.find(session);
    this.#sessions.forget(session);
    // Who is anonymous has nothing that another replica would have to forget.
    if (call.lacking === undefined) await this.deps.watch.endSession(session.nonce);
    writeAnswer(call.response, { status: 204, body: undefined });
    if (upstream?.id === undefined) return;
    const credential = await borrow(this.deps, call, { interaction: 'none' });
    if (credential.kind !== 'credential' || accountOf(call, credential) !== upstream.account)
      return;
    const sent = {
      method: 'DELETE',
      headers: sessionHeaders(upstream),
      signal: AbortSignal.timeout(call.upstream.config.timeoutMs),
    } as const;
    const called = await callUpstream(this.deps, call, credential, sent, { interaction: 'none' });
    if (called.kind === 'answered') discard(called.answer);
  }

  #session(call: McpCall): LegacySession | RpcAnswer {
    const id = call.request.headers['mcp-session-id'];
    if (typeof id !== 'string') return noSessionId;
    const { caller, route } = call;
    const session = this.#ids.find(route, id, { caller, now: this.deps.clock.now() });
    if (session !== undefined && !this.#ended.has(session.nonce)) return session;
    return sessionNotFound;
  }

  /** Notifications and the client's responses: only a session that is open upstream can have a use for them. */
  async #pass(
    call: McpCall,
    session: LegacySession,
    message: McpNotification | McpResponse,
  ): Promise<void> {
    const upstream = this.#sessions.find(session);
    if (upstream === undefined) return writeAnswer(call.response, accepted);
    const first = message.kind === 'notification' && message.method === 'notifications/initialized';
    if (first && upstream.initialized) return writeAnswer(call.response, accepted);
    const credential = await borrow(this.deps, call, { interaction: 'none' });
    if (
      credential.kind === 'interaction' ||
      (credential.kind === 'credential' && accountOf(call, credential) !== upstream.account)
    )
      return writeAnswer(call.response, accepted);
    if (credential.kind !== 'credential')
      return writeAnswer(call.response, refusedAnswer(this.deps, call, null, credential));
    if (first) upstream.initialized = true;
    return this.#forward(call, session, message, credential);
  }

  #request(call: McpCall, session: LegacySession, message: McpRequest): void | Promise<void> {
    if (isAnsweredHere(call, message.method)) return this.#answerHere(call, message);
    const credential = borrow(this.deps, call, this.#wish(call, session, message));
    return credential instanceof Promise
      ? credential.then((one) => this.#answer(call, session, message, one))
      : this.#answer(call, session, message, credential);
  }

  #answer(
    call: McpCall,
    session: LegacySession,
    message: McpRequest,
    credential: CredentialAnswer,
  ): Promise<void> {
    if (credential.kind !== 'credential') return this.#refuse(call, message, credential, session);
    if (this.before.connects(call, message))
      return this.#connect(call, session, message, credential);
    if (call.terms?.isUnseen === true) return this.#lookFirst(call, session, message, credential);
    return this.#forward(call, session, message, credential);
  }

  async #lookFirst(
    call: McpCall,
    session: LegacySession,
    message: McpRequest,
    credential: BorrowedCredential,
  ): Promise<void> {
    const wish = this.#wish(call, session, message);
    const looked = await this.#looks.judge(call, message, (body) =>
      this.#inSession.send(call, session, message, { credential, wish, body }),
    );
    if (looked === undefined) return this.#forward(call, session, message, credential);
    if ('kind' in looked) return this.#refuse(call, message, looked.answer, session);
    writeAnswer(call.response, looked);
  }

  async #answerHere(call: McpCall, message: McpRequest): Promise<void> {
    writeAnswer(call.response, await this.before.legacyAnswer(call, message));
  }

  /** A token that the upstream refuses is asked for anew. */
  async #connect(
    call: McpCall,
    session: LegacySession,
    message: McpRequest,
    credential: BorrowedCredential,
  ): Promise<void> {
    const wish = this.#wish(call, session, message);
    const look = { credential, wish, body: lookBody(message, 'legacy') };
    const called = await this.#inSession.send(call, session, message, look);
    if (called.kind === 'no-credential') return this.#refuse(call, message, called.answer, session);
    writeAnswer(call.response, connectedAnswer(call, message, called, 'legacy'));
  }

  #wish(call: McpCall, session: LegacySession, message: McpMessage): BorrowWish {
    const clientInfoName = session.initialize.clientInfo.name.slice(0, 64);
    const pauses = message.kind === 'request' && !this.before.serves(message.method);
    return withTerms(call, { interaction: pauses ? 'create' : 'none', clientInfoName });
  }

  async #refuse(
    call: McpCall,
    message: McpRequest,
    answer: Exclude<CredentialAnswer, BorrowedCredential>,
    session: LegacySession,
  ): Promise<void> {
    if (answer.kind !== 'interaction')
      return writeAnswer(call.response, refusedAnswer(this.deps, call, message.id, answer));
    if (this.before.serves(message.method)) return this.#answerHere(call, message);
    if (!isPause(answer)) return writeAnswer(call.response, comeBack(call, message, answer));
    const byUrl = elicitsByUrl(session.initialize.capabilities);
    const { strictElicitation: strict = false } = this.deps;
    const { id, method } = message;
    const asked = { id, method, version: session.version, byUrl, strict };
    if (mustSignInAgain(call, byUrl))
      return writeAnswer(call.response, signInAgain(this.deps, call, message.id));
    writeAnswer(
      call.response,
      elicitLegacy(asked, answer, () => this.#streams.tell(session, answer.interactionId)),
    );
  }

  #forward(
    call: McpCall,
    session: LegacySession,
    message: McpMessage,
    credential: BorrowedCredential,
  ): Promise<void> {
    const on = { credential, reading: this.#readingOf(call, message) };
    const opened = goesStraight(call, credential, on.reading)
      ? this.#sessions.openUnder(call, session, credential)
      : undefined;
    if (opened === undefined) return this.#relay(call, session, message, on);
    const sent = outgoing(call, message, headersIn(call, opened));
    return callStraight(call, credential, sent, 'drains').then((begun) =>
      begun === 'passed'
        ? undefined
        : this.#relay(call, session, message, { ...on, sentIn: opened, begun }),
    );
  }

  /** The longer way, from where the call stands. */
  async #relay(
    call: McpCall,
    session: LegacySession,
    message: McpMessage,
    { reading, ...sending }: Omit<Sending, 'wish'> & { readonly reading: Reading },
  ): Promise<void> {
    const id = message.kind === 'request' ? message.id : null;
    const wish = this.#wish(call, session, message);
    const called = await this.#inSession.send(call, session, message, { ...sending, wish });
    if (called.kind === 'failed')
      return writeAnswer(call.response, failureAnswer(call, id, called.failure));
    if (called.kind === 'no-credential') {
      if (message.kind === 'request') return this.#refuse(call, message, called.answer, session);
      return writeAnswer(call.response, accepted);
    }
    if (!isMcpAnswer(called.answer)) {
      discard(called.answer);
      return writeAnswer(call.response, failureAnswer(call, id, notMcp));
    }
    if (call.terms?.decoy !== undefined && message.kind === 'request')
      this.#decoys.remember(call.terms.decoy, message.params['name']);
    const shown = undisguised(call, message, called.answer);
    const { answer, options = {} } = shown === undefined ? { answer: called.answer } : await shown;
    await relay(answer, call.response, {
      timeoutMs: call.upstream.config.timeoutMs,
      clientLeaving: 'drains',
      ...reading,
      ...options,
    });
  }

  /** Who reads the answer on its way. */
  #readingOf(call: McpCall, message: McpMessage): Reading {
    if (message.kind !== 'request') return {};
    const { keep } = this.before.keeping(call, 'legacy', message);
    return { keep, rewrite: listingOf(this.deps, call, 'legacy', message).rewrite };
  }
}
