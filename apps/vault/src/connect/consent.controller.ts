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
import type { CrashPoint } from '../database/crash-point.js';
import { CsrfGuard } from '../sessions/csrf.guard.js';
import type { BrowserBinding } from '../sessions/browser-binding.js';
import type { WebSession } from '../sessions/web-session.js';
import { ProblemPageFilter } from '../web/problem-page.filter.js';
import { seeOther, sendPage } from '../web/send-page.js';
import type { Admitted } from './admitted.js';
import type { AllowInteraction, AllowOutcome } from './allow-interaction.js';
import type { ChooseAccount } from './choose-account.js';
import type { ConsentRequest, ConsentRequests } from './consent-requests.js';
import type { ConsentStores } from './consent-stores.js';
import type { DeclineInteraction } from './decline-interaction.js';
import { externalPage } from './external-page.js';
import type { GoToProvider } from './go-to-provider.js';
import { goingPage } from './pages/provider-pages.js';
import type { RestartInteraction } from './restart-interaction.js';
import type { SaveToken } from './save-token.js';

// Scopes, application and account are not among the fields: they come from the stored request.
const decisionForm = z.object({
  decision: z.enum(['allow', 'decline', 'restart', 'keep', 'replace']),
  version: z.coerce.number().int().positive(),
});

const tokenForm = z.object({ token: z.string(), version: z.coerce.number().int().positive() });

export const CONSENT_PARTS = Symbol('ConsentParts');

export interface ConsentParts {
  readonly admitted: Admitted;
  readonly requests: ConsentRequests;
  readonly stores: ConsentStores;
  readonly binding: BrowserBinding;
  readonly allow: AllowInteraction;
  readonly decline: DeclineInteraction;
  readonly restart: RestartInteraction;
  readonly chooseAccount: ChooseAccount;
  readonly saveToken: SaveToken;
  readonly goToProvider: GoToProvider;
  readonly crashPoint: CrashPoint;
}

interface Answer {
  readonly session: WebSession;
  readonly consent: ConsentRequest;
  readonly form: z.output<typeof decisionForm>;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** The person's answer, and the way to the provider. Each answer ends in a redirect to a clean address (row 18). */
@Controller('requests')
@UseFilters(ProblemPageFilter)
export class ConsentController {
  constructor(@Inject(CONSENT_PARTS) private readonly parts: ConsentParts) {}

  @Post(':id')
  @UseGuards(CsrfGuard)
  async decide(
    @Param('id') id: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    this.parts.crashPoint('before-consent-post');
    const found = await this.#find(id, request, reply);
    if (!found) return;
    const form = decisionForm.safeParse(body);
    if (!form.success) return seeOther(reply, `/requests/${id}`);
    await seeOther(reply, await this.#next({ ...found, form: form.data, request, reply }));
  }

  /** The person's answer together with a token. What is wrong with it is told by code: a token is in no address. */
  @Post(':id/token')
  @UseGuards(CsrfGuard)
  async save(
    @Param('id') id: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const found = await this.#find(id, request, reply);
    if (!found) return;
    const page = `/requests/${id}`;
    const form = tokenForm.safeParse(body);
    if (!form.success) return seeOther(reply, page);
    const { token: text, version } = form.data;
    const pasted = { request: found.consent, version, text, requestId: request.id };
    const outcome = await this.parts.saveToken.save(pasted);
    if (outcome === 'told') return seeOther(reply, page);
    await seeOther(reply, outcome === 'changed' ? `${page}?changed=1` : `${page}?token=${outcome}`);
  }

  /** Going to a page of the company's own, once it is allowed. */
  @Get(':id/go')
  async leave(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const found = await this.#find(id, request, reply);
    if (!found) return;
    const page = externalPage(found.consent);
    if (!page) return seeOther(reply, `/requests/${id}`);
    await sendPage(reply, goingPage({ request: found.consent, visitor: found.session }, page));
  }

  /** Going: Refresh carries on where a redirect of the form would be blocked by its policy. */
  @Get(':id/go/:trip')
  async go(
    @Param('id') id: string,
    @Param('trip') trip: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const found = await this.#find(id, request, reply);
    if (!found) return;
    const { consent, session } = found;
    const bound = this.parts.binding.resume(request, trip);
    const url = bound && (await this.parts.goToProvider.url(consent, session, bound, request.id));
    if (!url) return seeOther(reply, `/requests/${id}`);
    await sendPage(reply, goingPage({ request: consent, visitor: session }, url));
  }

  async #find(id: string, request: FastifyRequest, reply: FastifyReply) {
    const { admitted, requests, stores } = this.parts;
    const isId = z.uuid().safeParse(id).success;
    const returnTo = isId ? ({ page: 'interaction', id } as const) : ({ page: 'nowhere' } as const);
    const session = await admitted.person(request, reply, returnTo);
    if (!session) return undefined;
    const consent = isId
      ? await requests.of(session, await stores.interactions.byId(id))
      : undefined;
    if (consent) return { session, consent };
    await admitted.unknown(reply, session, request.id);
    return undefined;
  }

  /** Does what was decided; answers the page that follows. */
  async #next(answer: Answer): Promise<string> {
    const { consent, form, request } = answer;
    const page = `/requests/${consent.interaction.id}`;
    switch (form.decision) {
      case 'allow':
        return this.#allow(answer);
      case 'decline':
        await this.parts.decline.decline(consent, request.id);
        return page;
      case 'restart':
        return `/requests/${await this.parts.restart.restart(consent)}`;
      case 'keep':
        await this.parts.chooseAccount.keep(consent, request.id);
        return page;
      case 'replace':
        await this.parts.chooseAccount.replace(consent, form.version, request.id);
        return page;
    }
  }

  async #allow({ consent, session, form, request, reply }: Answer): Promise<string> {
    const page = `/requests/${consent.interaction.id}`;
    let tripId = '';
    const outcome: AllowOutcome = await this.parts.allow.allow(
      { request: consent, session, version: form.version, requestId: request.id },
      () => {
        const trip = this.parts.binding.begin(request, reply);
        tripId = trip.id;
        return trip;
      },
    );
    if (outcome === 'going') return `${page}/go/${tripId}`;
    if (outcome === 'leaving') return `${page}/go`;
    return outcome === 'changed' ? `${page}?changed=1` : page;
  }
}
