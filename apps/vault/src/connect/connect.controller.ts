import { Controller, Get, Inject, Param, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Secret } from '#lib/secret/secret';
import { PostgresInteractionStore } from '../interactions/postgres-interaction-store.js';
import type { Interaction } from '../interactions/postgres-interaction-store.js';
import type { ReturnTo } from '../sessions/login-attempt.js';
import { hashOf, isOpaque } from '../web/opaque.js';
import { ProblemPageFilter } from '../web/problem-page.filter.js';
import { sendPage } from '../web/send-page.js';
import { Admitted } from './admitted.js';
import { ConsentRequests } from './consent-requests.js';
import { formFault } from './pages/token-pages.js';
import { RequestPages } from './request-page.js';

/** Where links lead: the page of the request, for the person whose request it is. Nothing is decided by GET (row 4). */
@Controller()
@UseFilters(ProblemPageFilter)
export class ConnectController {
  constructor(
    @Inject(Admitted) private readonly admitted: Admitted,
    @Inject(PostgresInteractionStore) private readonly interactions: PostgresInteractionStore,
    @Inject(ConsentRequests) private readonly requests: ConsentRequests,
    @Inject(RequestPages) private readonly pages: RequestPages,
  ) {}

  @Get('connect/:link')
  async open(
    @Param('link') link: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (!isOpaque(link)) return this.#show(request, reply, nowhere, () => undefined);
    const returnTo = { page: 'link', link: new Secret(link) } as const;
    await this.#show(request, reply, returnTo, () => this.interactions.byLink(hashOf(link)));
  }

  @Get('requests/:id')
  async look(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (!z.uuid().safeParse(id).success)
      return this.#show(request, reply, nowhere, () => undefined);
    const returnTo = { page: 'interaction', id } as const;
    await this.#show(request, reply, returnTo, () => this.interactions.byId(id));
  }

  /** What cannot be a link looks like one that is not known, before and after signing in. */
  @Get('connect')
  async nowhere(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#show(request, reply, nowhere, () => undefined);
  }

  async #show(
    request: FastifyRequest,
    reply: FastifyReply,
    returnTo: ReturnTo,
    find: () => Promise<Interaction | undefined> | undefined,
  ): Promise<void> {
    const session = await this.admitted.person(request, reply, returnTo);
    if (!session) return;
    const found = await this.requests.of(session, await find());
    if (!found) return this.admitted.unknown(reply, session, request.id);
    const query = request.query as Record<string, unknown>;
    const wishes = {
      changed: query['changed'] === '1',
      again: query['again'] === '1',
      fault: formFault.safeParse(query['token']).data,
    };
    await sendPage(reply, await this.pages.of(found, session, wishes));
  }
}

const nowhere: ReturnTo = { page: 'nowhere' };
