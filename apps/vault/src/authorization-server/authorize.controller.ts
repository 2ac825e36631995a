import { Controller, Get, Inject, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { BrowserBinding } from '../sessions/browser-binding.js';
import type { AttemptLimit } from '../web/attempt-limit.js';
import { ProblemPageFilter } from '../web/problem-page.filter.js';
import { refuseHead } from '../web/refuse-head.js';
import { seeOther, sendPage } from '../web/send-page.js';
import type { BeginSignIn } from './begin-sign-in.js';
import { straySignInPage } from './pages/sign-in-pages.js';
import { refusalPage } from './sign-in.controller.js';

export const AUTHORIZE_PARTS = Symbol('AuthorizeParts');

export interface AuthorizeParts {
  readonly beginning: BeginSignIn;
  readonly binding: BrowserBinding;
  readonly limit: AttemptLimit;
  /** Of all addresses together: each sign-in is a row for ten minutes. */
  readonly inAll: AttemptLimit;
  readonly publicUrl: string;
}

/** `GET /oauth2/authorize`: RFC 6749 §3.1, code with PKCE only. */
@Controller('oauth2')
@UseFilters(ProblemPageFilter)
export class AuthorizeController {
  constructor(@Inject(AUTHORIZE_PARTS) private readonly parts: AuthorizeParts) {}

  @Get('authorize')
  async authorize(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    refuseHead(request);
    const { beginning, binding, limit, inAll, publicUrl } = this.parts;
    limit.check(request.ip);
    inAll.check('');
    limit.count(request.ip);
    inAll.count('');
    const { searchParams } = new URL(request.url, publicUrl);
    const begun = await beginning.begin(searchParams, () => binding.begin(request, reply));
    switch (begun.kind) {
      case 'begun':
        return seeOther(reply, `/sign-in/${begun.id}${begun.reauthenticate ? '?switch=1' : ''}`);
      case 'stray':
        return sendPage(reply, straySignInPage(begun.reason, request.id));
      case 'refused': {
        const about = { ...malformed, to: begun.to, refusal: begun.refusal, requestId: request.id };
        return sendPage(reply, refusalPage(about, publicUrl));
      }
    }
  }
}

const malformed = {
  title: 'This sign-in cannot begin',
  lead: 'The app asked for something that cannot be.',
  status: 400,
};
