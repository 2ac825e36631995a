import { timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Problem } from '#lib/problem/problem';
import { hashOf } from '../web/opaque.js';
import { PUBLIC_URL } from '../tokens.js';
import { RequestSessions } from './request-sessions.js';

/**
 * On every POST of a page (row 5): it comes from a page of ours, as the browser says, and carries the session's
 * synchroniser token. 401 when the session is over, 403 for everything else.
 */
@Injectable()
export class CsrfGuard implements CanActivate {
  constructor(
    @Inject(RequestSessions) private readonly sessions: RequestSessions,
    @Inject(PUBLIC_URL) private readonly publicUrl: string,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (!this.#isFromHere(request)) throw new Problem('forbidden', foreign);
    const session = await this.sessions.of(request);
    if (!session) throw new Problem('unauthenticated', 'You are signed out.');
    const body = request.body as Record<string, unknown> | null | undefined;
    const token = body?.['csrf'];
    const isOurs =
      typeof token === 'string' && timingSafeEqual(hashOf(token), hashOf(session.csrfToken));
    if (!isOurs) throw new Problem('forbidden', foreign);
    return true;
  }

  #isFromHere({ headers }: FastifyRequest): boolean {
    const site = headers['sec-fetch-site'];
    if (site !== undefined && site !== 'same-origin') return false;
    return headers.origin === undefined || headers.origin === this.publicUrl;
  }
}

const foreign =
  'This request did not come from our own page. Nothing was done; open the page again.';
