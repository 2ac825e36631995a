import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SignInAttempt } from './corporate-sign-in.js';
import type { Progress } from './step.js';

/** One browser's tour; gone when the tour's process ends. */
export interface TourSession {
  attempt?: SignInAttempt;
  progress?: Progress;
  /** Said once, on the next page. */
  problem?: string;
}

const cookie = 'symbolon_tour';
const keep = 200;

/** The browsers that take the tour, by a random cookie. */
export class TourSessions {
  readonly #sessions = new Map<string, TourSession>();

  find(request: IncomingMessage): TourSession | undefined {
    const id = new RegExp(`(?:^|; )${cookie}=([^;]+)`).exec(request.headers.cookie ?? '')?.[1];
    return id === undefined ? undefined : this.#sessions.get(id);
  }

  /** A new session under a new name: what came before is over. */
  begin(response: ServerResponse): TourSession {
    const id = randomBytes(24).toString('base64url');
    const session: TourSession = {};
    this.#sessions.set(id, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > keep && oldest !== undefined) this.#sessions.delete(oldest);
    response.setHeader('set-cookie', `${cookie}=${id}; HttpOnly; SameSite=Lax; Path=/`);
    return session;
  }
}
