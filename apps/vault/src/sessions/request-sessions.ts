import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Secret } from '#lib/secret/secret';
import { hashOf, isOpaque } from '../web/opaque.js';
import type { Cookies } from './cookies.js';
import type { PostgresWebSessionStore } from './postgres-web-session-store.js';
import type { WebSession } from './web-session.js';

/** The session of a request, read once. */
export class RequestSessions {
  readonly #known = new WeakMap<FastifyRequest, Promise<WebSession | undefined>>();

  constructor(
    private readonly store: PostgresWebSessionStore,
    private readonly cookies: Cookies,
  ) {}

  of(request: FastifyRequest): Promise<WebSession | undefined> {
    const known = this.#known.get(request) ?? this.#read(request);
    this.#known.set(request, known);
    return known;
  }

  put(request: FastifyRequest, reply: FastifyReply, cookie: Secret): void {
    this.cookies.set(request, reply, { kind: 'session', value: cookie.reveal() });
  }

  forget(request: FastifyRequest, reply: FastifyReply): void {
    this.cookies.clear(request, reply, 'session');
  }

  async #read(request: FastifyRequest): Promise<WebSession | undefined> {
    const value = this.cookies.read(request, 'session');
    if (value === undefined || !isOpaque(value)) return undefined;
    return this.store.use(hashOf(value));
  }
}
