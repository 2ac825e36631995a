import type { BorrowedCredential } from '../credentials/credentials.js';
import type { BorrowWish } from './borrow.js';
import { outgoing } from './decoy.js';
import type { LegacySession } from './legacy-session.js';
import type { McpCall, McpDeps } from './mcp-call.js';
import type { McpMessage } from './message.js';
import { upstreamHeaders } from './relay.js';
import { callUpstream, discard, type Called } from './upstream-call.js';
import {
  sessionHeaders,
  type UpstreamSession,
  type UpstreamSessions,
} from './upstream-sessions.js';

export interface Sending {
  readonly credential: BorrowedCredential;
  readonly wish: BorrowWish;
  /** The upstream session in which it was sent already, and what came of that. */
  readonly sentIn?: UpstreamSession;
  readonly begun?: Called;
  /** Sent in place of the message. */
  readonly body?: Buffer;
}

/** What goes along with a message in an upstream session. */
export function headersIn(call: McpCall, session: UpstreamSession): Record<string, string> {
  const headers = upstreamHeaders(call.request.headers, 'legacy', call.token);
  return Object.assign(headers, sessionHeaders(session));
}

/** Messages in the session at a legacy upstream that belongs to a client's own. */
export class InSession {
  constructor(
    private readonly deps: McpDeps,
    private readonly sessions: UpstreamSessions,
  ) {}

  /** Once more in a new session where the upstream has forgotten the old one (404). */
  async send(
    call: McpCall,
    session: LegacySession,
    message: McpMessage,
    { sentIn, begun, ...sending }: Sending,
  ): Promise<Called> {
    const { credential, wish } = sending;
    const opened =
      sentIn === undefined
        ? await this.sessions.open(call, session, credential, wish)
        : ({ kind: 'open', session: sentIn } as const);
    if (opened.kind !== 'open') return opened;
    const called = await this.#post(call, message, opened.session, { ...sending, begun });
    const isLost =
      called.kind === 'answered' && called.answer.status === 404 && opened.session.id !== undefined;
    if (!isLost) return called;
    discard(called.answer);
    this.sessions.forget(session);
    const anew = await this.sessions.open(call, session, credential, wish);
    return anew.kind === 'open' ? this.#post(call, message, anew.session, sending) : anew;
  }

  #post(
    call: McpCall,
    message: McpMessage,
    session: UpstreamSession,
    { credential, wish, begun, ...instead }: Sending,
  ): Promise<Called> {
    const sent = outgoing(call, message, headersIn(call, session));
    // A disconnect is not a cancellation; a revoke is.
    const { signal } = new AbortController();
    const whole = { method: 'POST', ...sent, ...instead, signal } as const;
    return callUpstream(this.deps, call, credential, whole, wish, begun);
  }
}
