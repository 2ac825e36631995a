import { Controller, Get, Inject, Param, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PUBLIC_URL } from '../tokens.js';
import { BrowserBinding } from '../sessions/browser-binding.js';
import { RequestSessions } from '../sessions/request-sessions.js';
import { ProblemPageFilter } from '../web/problem-page.filter.js';
import type { Page, Visitor } from '../web/page.js';
import { refuseHead } from '../web/refuse-head.js';
import { seeOther, sendPage } from '../web/send-page.js';
import { CONNECT_BINDING } from './connect-binding.js';
import { refusedPage } from './pages/provider-pages.js';
import { otherPersonPage, strayCallbackPage } from './pages/stray-pages.js';
import { ReceiveCallback } from './receive-callback.js';
import type { CallbackOutcome } from './receive-callback.js';

/** `GET /callback/{oauthClient}`: one redirect URI per oauth client. Ends in a redirect to a clean address (row 18). */
@Controller('callback')
@UseFilters(ProblemPageFilter)
export class CallbackController {
  constructor(
    @Inject(ReceiveCallback) private readonly receiveCallback: ReceiveCallback,
    @Inject(RequestSessions) private readonly sessions: RequestSessions,
    @Inject(CONNECT_BINDING) private readonly binding: BrowserBinding,
    @Inject(PUBLIC_URL) private readonly publicUrl: string,
  ) {}

  @Get(':oauthClient')
  async callback(
    @Param('oauthClient') slug: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    refuseHead(request);
    const session = await this.sessions.of(request);
    const outcome = await this.receiveCallback.receive({
      slug,
      // Never from the Host header (row 16).
      url: new URL(request.url, this.publicUrl),
      session,
      isSameBrowser: (authorization) => {
        const isSame = this.binding.holds(request, authorization);
        this.binding.end(request, reply, authorization.stateHash);
        return isSame;
      },
      requestId: request.id,
    });
    if (outcome.kind === 'told') return seeOther(reply, `/requests/${outcome.interactionId}`);
    await sendPage(reply, pageOf(outcome, request.id, session));
  }
}

function pageOf(
  outcome: Exclude<CallbackOutcome, { kind: 'told' }>,
  requestId: string,
  visitor: Visitor | undefined,
): Page {
  if (!visitor || outcome.kind === 'invalid') return strayCallbackPage(requestId, visitor);
  if (outcome.kind === 'other-person') return otherPersonPage(requestId, visitor);
  const { request } = outcome;
  return refusedPage({ request, visitor }, { cause: 'invalid_grant', requestId, status: 400 });
}
