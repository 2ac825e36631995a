import {
  Body,
  Controller,
  Get,
  Inject,
  Param,
  Post,
  Req,
  Res,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ConsentParts } from '../connect/consent.controller.js';
import type { ConsentRequest } from '../connect/consent-requests.js';
import type { Database } from '../database/database.js';
import type { BrowserBinding } from '../sessions/browser-binding.js';
import { CsrfGuard } from '../sessions/csrf.guard.js';
import type { LoginDoor } from '../sessions/login-door.js';
import type { WebSession } from '../sessions/web-session.js';
import type { Page } from '../web/page.js';
import { ProblemPageFilter } from '../web/problem-page.filter.js';
import { refuseHead } from '../web/refuse-head.js';
import { seeOther, sendPage } from '../web/send-page.js';
import { answerUrl } from './authorization-answer.js';
import type { Recipient } from './begin-sign-in.js';
import type { ConsentOfSignIn } from './consent-of-sign-in.js';
import type { AuthorizationRefusal } from './domain/authorization-request.js';
import { redirectTarget } from './domain/redirect-uri.js';
import type { FinishSignIn } from './finish-sign-in.js';
import {
  endedSignInPage,
  refusedSignInPage,
  returningPage,
  signInPage,
} from './pages/sign-in-pages.js';
import type { PostgresSignInStore, SignIn } from './postgres-sign-in-store.js';

export const SIGN_IN_PARTS = Symbol('SignInParts');

export interface SignInParts {
  readonly database: Database;
  readonly store: PostgresSignInStore;
  readonly consents: ConsentOfSignIn;
  readonly finishing: FinishSignIn;
  readonly connect: Pick<ConsentParts, 'admitted' | 'binding' | 'allow' | 'decline'>;
  /** Of sign-ins to their browsers. */
  readonly binding: BrowserBinding;
  readonly door: LoginDoor;
  readonly publicUrl: string;
}

const decisionForm = z.object({
  decision: z.enum(['allow', 'decline']),
  version: z.coerce.number().int().positive(),
});

// A sign-in lasts as long as the corporate session that it came of: one that is nearly over is renewed first.
const freshSessionSeconds = 6 * 60 * 60;

interface Visit {
  readonly signIn: SignIn;
  readonly session: WebSession;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** `/sign-in/{id}`: the page on which a person allows one client, and the way back to that client. */
@Controller('sign-in')
@UseFilters(ProblemPageFilter)
export class SignInController {
  constructor(@Inject(SIGN_IN_PARTS) private readonly parts: SignInParts) {}

  @Get(':id')
  async look(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    refuseHead(request);
    const visit = await this.#visit(id, request, reply);
    if (!visit) return;
    const { signIn, session } = visit;
    if (signIn.status === 'answered') return sendPage(reply, endedSignInPage(request.id, session));
    if (isAllowedBy(signIn, session)) return this.#finish(visit);
    if ((await this.parts.store.sessionLasts(session.hash)) < freshSessionSeconds) {
      const returnTo = { page: 'sign-in', id } as const;
      return this.parts.door.admit(request, reply, { returnTo, reauthenticate: false });
    }
    const consent = await this.parts.consents.of(signIn, session);
    if (!consent) return this.#refuse(visit, notOffered, blocked);
    const changed = (request.query as Record<string, unknown>)['changed'] === '1';
    await sendPage(reply, signInPage({ signIn, request: consent, visitor: session, changed }));
  }

  @Post(':id')
  @UseGuards(CsrfGuard)
  async decide(
    @Param('id') id: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const visit = await this.#visit(id, request, reply);
    if (!visit) return;
    const { signIn, session } = visit;
    if (signIn.status === 'answered') return sendPage(reply, endedSignInPage(request.id, session));
    const form = decisionForm.safeParse(body);
    const consent = form.success ? await this.parts.consents.of(signIn, session) : undefined;
    if (!form.success || !consent) return seeOther(reply, `/sign-in/${id}`);
    if (form.data.decision === 'allow')
      return seeOther(reply, await this.#allow(visit, consent, form.data.version));
    await this.parts.connect.decline.decline(consent, request.id);
    await this.#refuse(visit, notNow, declined);
  }

  /** Neither an id alone nor a signed-in person is enough: the browser must be the one that the client sent. */
  async #visit(
    id: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<Visit | undefined> {
    const signIn = z.uuid().safeParse(id).success ? await this.parts.store.find(id) : undefined;
    const isSameBrowser = signIn !== undefined && this.parts.binding.holds(request, signIn);
    if (!signIn || (signIn.status === 'pending' && !isSameBrowser)) {
      await sendPage(reply, endedSignInPage(request.id, undefined));
      return undefined;
    }
    const returnTo = { page: 'sign-in', id } as const;
    const session = await this.parts.connect.admitted.person(request, reply, returnTo);
    if (!session) return undefined;
    // A provider's sign-in may take longer than the cookie lasts; the session that allowed it is this browser's too.
    if (isSameBrowser || isAllowedBy(signIn, session)) return { signIn, session, request, reply };
    await sendPage(reply, endedSignInPage(request.id, session));
    return undefined;
  }

  /** Answers the page that follows. */
  async #allow(
    { signIn, session, request, reply }: Visit,
    consent: ConsentRequest,
    version: number,
  ): Promise<string> {
    const here = `/sign-in/${signIn.id}`;
    if (consent.interaction.version !== version) return `${here}?changed=1`;
    await this.parts.database.transaction((tx) =>
      this.parts.store.allow(tx, signIn.id, session, consent.interaction.id),
    );
    const connection = `/requests/${consent.interaction.id}`;
    // Where a token is pasted or handed over, the page of the connection asks for it.
    if (consent.needsTrip && consent.way !== 'provider') return connection;
    let tripId = '';
    const outcome = await this.parts.connect.allow.allow(
      { request: consent, session, version, requestId: request.id },
      () => {
        const trip = this.parts.connect.binding.begin(request, reply);
        tripId = trip.id;
        return trip;
      },
    );
    return outcome === 'going' ? `${connection}/go/${tripId}` : here;
  }

  async #finish(visit: Visit): Promise<void> {
    const { signIn, session, request, reply } = visit;
    const finished = await this.parts.finishing.finish(signIn, session, request.id);
    switch (finished.kind) {
      case 'connecting':
        return seeOther(reply, `/requests/${finished.interactionId}`);
      case 'over':
        return sendPage(reply, endedSignInPage(request.id, session));
      case 'declined':
        return sendPage(reply, this.#refusalPage(visit, notNow, declined));
      case 'returning':
        this.parts.binding.end(request, reply, signIn.stateHash);
        return sendPage(reply, returningPage(signIn.clientName, finished.url, session));
    }
  }

  async #refuse(visit: Visit, refusal: AuthorizationRefusal, words: RefusalWords): Promise<void> {
    const { signIn, session, request, reply } = visit;
    const isFirst = await this.parts.finishing.decline(signIn, session, request.id);
    await sendPage(
      reply,
      isFirst ? this.#refusalPage(visit, refusal, words) : endedSignInPage(request.id, session),
    );
  }

  #refusalPage(
    { signIn, session, request }: Visit,
    refusal: AuthorizationRefusal,
    words: RefusalWords,
  ) {
    const about = { ...words, to: signIn, refusal, requestId: request.id };
    return refusalPage(about, this.parts.publicUrl, session);
  }
}

function isAllowedBy({ status, sessionHash }: SignIn, session: WebSession): boolean {
  return status === 'allowed' && sessionHash?.equals(session.hash) === true;
}

interface RefusalWords {
  readonly title: string;
  readonly lead: string;
  readonly status: number;
}

/** A no for the client, and in words for the person. */
export function refusalPage(
  about: RefusalWords & {
    readonly to: Recipient;
    readonly refusal: AuthorizationRefusal;
    readonly requestId: string;
  },
  issuer: string,
  visitor?: WebSession,
): Page {
  const { to, refusal, requestId, ...words } = about;
  const url = answerUrl(to, issuer, refusal);
  const target = redirectTarget(to.redirectUri);
  const host = target.kind === 'app' ? `${target.scheme}:` : target.host;
  const atOnce = target.kind === 'this-computer';
  return refusedSignInPage(words, { url, atOnce, host }, requestId, visitor);
}

const notNow: AuthorizationRefusal = {
  error: 'access_denied',
  description: 'The person said no.',
};
const declined: RefusalWords = {
  title: 'You were not signed in there',
  lead: 'You chose Not now, or the connection was not finished.',
  status: 200,
};
const notOffered: AuthorizationRefusal = {
  error: 'unauthorized_client',
  description: 'This client may not be used with that resource.',
};
const blocked: RefusalWords = {
  title: 'This app may not be used here',
  lead: 'Your organisation does not let this app sign people in to this service.',
  status: 403,
};
