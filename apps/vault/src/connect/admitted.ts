import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '#lib/clock/clock';
import type { ReturnTo } from '../sessions/login-attempt.js';
import type { LoginDoor } from '../sessions/login-door.js';
import type { RequestSessions } from '../sessions/request-sessions.js';
import type { WebSession } from '../sessions/web-session.js';
import { AttemptLimit } from '../web/attempt-limit.js';
import { sendPage } from '../web/send-page.js';
import { unknownLinkPage } from './pages/stray-pages.js';

// Wrong links that one person may open: a few by mistake, not a search.
const wrongLinks = { burst: 30, refillSeconds: 20 };

/** Lets a signed-in person through to a page; sends anybody else to sign in and back. */
export class Admitted {
  readonly #limit: AttemptLimit;

  constructor(
    private readonly sessions: RequestSessions,
    private readonly door: LoginDoor,
    clock: Clock,
  ) {
    this.#limit = new AttemptLimit(wrongLinks, clock);
  }

  /** The session; undefined when the answer has been given. `?switch` asks for another account. */
  async person(
    request: FastifyRequest,
    reply: FastifyReply,
    returnTo: ReturnTo,
  ): Promise<WebSession | undefined> {
    const session = await this.sessions.of(request);
    const reauthenticate = (request.query as Record<string, unknown>)['switch'] === '1';
    if (session && !reauthenticate) {
      this.#limit.check(keyOf(session));
      return session;
    }
    await this.door.admit(request, reply, { returnTo, reauthenticate });
    return undefined;
  }

  /** Nothing of theirs is here; too many of these and every link of theirs waits (row 14). */
  async unknown(reply: FastifyReply, session: WebSession, requestId: string): Promise<void> {
    this.#limit.count(keyOf(session));
    await sendPage(reply, unknownLinkPage(session, requestId));
  }
}

function keyOf({ issuerId, subject }: WebSession): string {
  return `${issuerId} ${subject}`;
}
