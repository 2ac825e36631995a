import {
  Controller,
  Get,
  HttpCode,
  Inject,
  Post,
  Req,
  Res,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Secret } from '#lib/secret/secret';
import { Problem } from '#lib/problem/problem';
import type { Refusals } from '../audit/refusals.js';
import type { VaultLogger } from '../log-events.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { isOpaque } from '../web/opaque.js';
import { ProblemPageFilter } from '../web/problem-page.filter.js';
import { refuseHead } from '../web/refuse-head.js';
import { seeOther, sendPage } from '../web/send-page.js';
import type { BrowserBinding } from './browser-binding.js';
import { CsrfGuard } from './csrf.guard.js';
import type { EndSession } from './end-session.js';
import type { FinishLogin } from './finish-login.js';
import { pathOf } from './login-attempt.js';
import type { ReturnTo } from './login-attempt.js';
import type { LoginDoor } from './login-door.js';
import { refusedLoginPage, signedOutPage, staleLoginPage } from './login-pages.js';
import type { RequestSessions } from './request-sessions.js';

const loginQuery = z.object({
  issuer: z.string().optional().catch(undefined),
  link: z.string().refine(isOpaque).optional().catch(undefined),
  interaction: z.uuid().optional().catch(undefined),
  'sign-in': z.uuid().optional().catch(undefined),
  switch: z.literal('1').optional().catch(undefined),
});

export const LOGIN_PARTS = Symbol('LoginParts');

export interface LoginParts {
  readonly door: LoginDoor;
  readonly finishLogin: FinishLogin;
  readonly endSession: EndSession;
  readonly binding: BrowserBinding;
  readonly sessions: RequestSessions;
  readonly registry: Registry;
  readonly logger: VaultLogger;
  readonly refusals: Refusals;
}

@Controller()
@UseFilters(ProblemPageFilter)
export class LoginController {
  constructor(@Inject(LOGIN_PARTS) private readonly parts: LoginParts) {}

  @Get('login')
  async login(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const query = loginQuery.parse(request.query);
    const admission = { returnTo: returnOf(query), reauthenticate: query.switch === '1' };
    if (query.issuer === undefined) return this.parts.door.admit(request, reply, admission);
    const issuer = this.parts.registry.current().issuer(query.issuer);
    if (!issuer) throw new Problem('not-found', 'There is no such place to sign in.');
    return this.parts.door.signIn(request, reply, issuer, admission);
  }

  @Get('login/callback')
  async callback(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    refuseHead(request);
    const state = z.object({ state: z.string().max(100) }).safeParse(request.query).data?.state;
    if (state === undefined) return sendPage(reply, staleLoginPage(request.id));
    const { binding, sessions, finishLogin, logger } = this.parts;
    const outcome = await finishLogin.finish({
      state,
      search: request.url.slice(request.url.indexOf('?')),
      isSameBrowser: (attempt) => {
        const isSame = binding.holds(request, attempt);
        binding.end(request, reply, attempt.stateHash);
        return isSame;
      },
      previousSession: (await sessions.of(request))?.hash,
      requestId: request.id,
    });
    if (outcome.ok) {
      sessions.put(request, reply, outcome.sessionCookie);
      return seeOther(reply, pathOf(outcome.returnTo));
    }
    const { reason } = outcome;
    const about = reason === 'refused' ? { issuer: outcome.issuer } : undefined;
    void this.parts.refusals.note({
      action: 'login.refused',
      outcome: 'refused',
      actor: { kind: 'person', ...about },
      target: { ...about },
      requestId: request.id,
      detail: { reason },
    });
    if (reason === 'stale') return sendPage(reply, staleLoginPage(request.id));
    logger.warn({ event: 'login.refused', requestId: request.id, err: outcome.cause });
    await sendPage(reply, refusedLoginPage(request.id, outcome.returnTo));
  }

  @Post('logout')
  @HttpCode(303)
  @UseGuards(CsrfGuard)
  async logout(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const session = await this.parts.sessions.of(request);
    if (session) await this.parts.endSession.end(session, request.id);
    this.parts.sessions.forget(request, reply);
    await seeOther(reply, '/signed-out');
  }

  /** Where a reload or a sign-in after a refused sign-out arrives. */
  @Get('logout')
  async afterLogout(@Res() reply: FastifyReply): Promise<void> {
    await seeOther(reply, '/connections');
  }

  @Get('signed-out')
  async signedOut(@Res() reply: FastifyReply): Promise<void> {
    await sendPage(reply, signedOutPage());
  }
}

function returnOf(query: z.output<typeof loginQuery>): ReturnTo {
  if (query.link !== undefined) return { page: 'link', link: new Secret(query.link) };
  if (query.interaction !== undefined) return { page: 'interaction', id: query.interaction };
  if (query['sign-in'] !== undefined) return { page: 'sign-in', id: query['sign-in'] };
  return { page: 'connections' };
}
