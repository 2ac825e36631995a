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
  OpenedSessions,
  sessionNotFound,
  wantsEventStream,
  type LegacySession,
} from './legacy-session.js';
import { followUpstream } from './follow-upstream.js';
import { LegacyHandshake } from './legacy-handshake.js';
import { LegacyStreams } from './legacy-streams.js';
import { listing, listingOf } from './listing.js';
import { sharerOf, type McpCall, type McpDeps } from './mcp-call.js';
import type { McpMessage, McpNotification, McpRequest, McpResponse } from './message.js';
import type { OpenStreams } from './open-streams.js';
import { isMcpAnswer, relay, upstreamHeaders, type Reading } from './relay.js';
import { problemAnswer, rpcError, writeAnswer, type RpcAnswer } from './rpc-answer.js';
import { mustSignInAgain, signInAgain } from './sign-in-again.js';
import { callStraight, goesStraight } from './straight-call.js';
import { callUpstream, discard, failureAnswer, notMcp, type Called } from './upstream-call.js';
import { accountOf, sessionHeaders, UpstreamSessions } from './upstream-sessions.js';
import { UpstreamStream } from './upstream-stream.js';

const accepted: RpcAnswer = { status: 202, body: undefined };
const noStream: RpcAnswer = {
  ...rpcError(null, -32000, 'There is no such stream without access to this server.'),
  status: 405,
  headers: { allow: 'POST, DELETE' },
};

/** Revisions up to 2025-11-25: sessions, GET streams, errors that carry a link. */
export class LegacyCalls {
  readonly #decoys = new Decoys();
  readonly #ended: EndedSessions;
  readonly #streams: LegacyStreams;
  readonly #sessions: UpstreamSessions;
  readonly #ids: OpenedSessions;
  readonly #handshake: LegacyHandshake;

  constructor(
    private readonly deps: McpDeps,
    private readonly before: BeforeConsent,
    private readonly consents: Consents,
    private readonly open: OpenStreams,
  ) {
    this.#ended = new EndedSessions(deps.watch, deps.clock);
    this.#streams = new LegacyStreams(deps.watch, deps.clock);
    this.#sessions = new UpstreamSessions(deps);
    this.#ids = new OpenedSessions(deps.sealer);
    this.#handshake = new LegacyHandshake(deps, before, this.#sessions);
  }

  async serve(call: McpCall, message: McpMessage): Promise<void> {
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
      signal: this.#deadline(call),
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

  async #request(call: McpCall, session: LegacySession, message: McpRequest): Promise<void> {
    if (isAnsweredHere(call, message.method))
      return writeAnswer(call.response, await this.before.legacyAnswer(call, message));
    const credential = await borrow(this.deps, call, this.#wish(call, session, message));
    if (credential.kind !== 'credential') return this.#refuse(call, message, credential, session);
    if (this.before.connects(call, message))
      return this.#connect(call, session, message, credential);
    return this.#forward(call, session, message, credential);
  }

  /** A token that the upstream refuses is asked for anew. */
  async #connect(
    call: McpCall,
    session: LegacySession,
    message: McpRequest,
    credential: BorrowedCredential,
  ): Promise<void> {
    const look = { credential, straight: false, body: lookBody(message, 'legacy') };
    const called = await this.#inSession(call, session, message, look);
    if (called === 'passed') return;
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
    session?: LegacySession,
  ): Promise<void> {
    if (answer.kind !== 'interaction')
      return writeAnswer(call.response, refusedAnswer(this.deps, call, message.id, answer));
    if (this.before.serves(message.method))
      return writeAnswer(call.response, await this.before.legacyAnswer(call, message));
    if (session === undefined || !isPause(answer))
      return writeAnswer(
        call.response,
        problemAnswer(message.id, 'temporarily-unavailable', answer.message, call.requestId, {
          'retry-after': '5',
        }),
      );
    const asked = {
      id: message.id,
      method: message.method,
      version: session.version,
      byUrl: elicitsByUrl(session.initialize.capabilities),
      strict: this.deps.strictElicitation ?? false,
    };
    if (mustSignInAgain(call, asked.byUrl))
      return writeAnswer(call.response, signInAgain(this.deps, call, message.id));
    writeAnswer(
      call.response,
      elicitLegacy(asked, answer, () => this.#streams.tell(session, answer.interactionId)),
    );
  }

  async #forward(
    call: McpCall,
    session: LegacySession,
    message: McpMessage,
    credential: BorrowedCredential,
  ): Promise<void> {
    const id = message.kind === 'request' ? message.id : null;
    const reading = this.#readingOf(call, message);
    const straight = goesStraight(call, credential, reading);
    const called = await this.#inSession(call, session, message, { credential, straight });
    if (called === 'passed') return;
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
    return { keep, ...listingOf(this.deps, call, 'legacy', message) };
  }

  /** Once more in a new session where the upstream has forgotten the old one (404). */
  async #inSession(
    call: McpCall,
    session: LegacySession,
    message: McpMessage,
    sending: InSession,
  ): Promise<Called | 'passed'> {
    const { credential, straight, isAgain = false, ...instead } = sending;
    const wish = this.#wish(call, session, message);
    const opened = await this.#sessions.open(call, session, credential, wish);
    if (opened.kind !== 'open') return opened;
    const sent = outgoing(call, message, {
      ...upstreamHeaders(call.request.headers, 'legacy', call.token),
      ...sessionHeaders(opened.session),
    });
    const begun = straight ? await callStraight(call, credential, sent, 'drains') : undefined;
    if (begun === 'passed') return begun;
    // A disconnect is not a cancellation; a revoke is.
    const { signal } = new AbortController();
    const whole = { method: 'POST', ...sent, ...instead, signal } as const;
    const called = await callUpstream(this.deps, call, credential, whole, wish, begun);
    const isLost =
      called.kind === 'answered' && called.answer.status === 404 && opened.session.id !== undefined;
    if (!isLost || isAgain) return called;
    discard(called.answer);
    this.#sessions.forget(session);
    return this.#inSession(call, session, message, { ...sending, isAgain: true });
  }

  #deadline(call: McpCall): AbortSignal {
    return AbortSignal.timeout(call.upstream.config.timeoutMs);
  }
}

interface InSession {
  readonly credential: BorrowedCredential;
  readonly straight: boolean;
  readonly isAgain?: boolean;
  /** Sent in place of the message, where it goes the longer way. */
  readonly body?: Buffer;
}
