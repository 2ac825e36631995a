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
import type { Clock } from '#lib/clock/clock';
import type { Grants } from '../grants/grants.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { CsrfGuard } from '../sessions/csrf.guard.js';
import type { WebSession } from '../sessions/web-session.js';
import { ProblemPageFilter } from '../web/problem-page.filter.js';
import { seeOther, sendPage } from '../web/send-page.js';
import type { Admitted } from './admitted.js';
import type { BeginConnection } from './begin-connection.js';
import type { Connection, ListConnections } from './list-connections.js';
import { connectionsPage, disconnectPage, noticeOf } from './pages/connections-page.js';
import type { RemoveApplication } from './remove-application.js';

const form = z.discriminatedUnion('decision', [
  z.object({ decision: z.literal('connect') }),
  z.object({ decision: z.literal('disconnect') }),
  z.object({ decision: z.literal('remove'), consent: z.uuid() }),
]);

const doneQuery = z.object({
  done: z.enum(['revoked', 'not-supported', 'failed', 'nothing-to-revoke', 'removed']),
  service: z.string(),
});

const home = { page: 'connections' } as const;

export const CONNECTIONS_PARTS = Symbol('ConnectionsParts');

export interface ConnectionsParts {
  readonly admitted: Admitted;
  readonly connections: ListConnections;
  readonly begin: BeginConnection;
  readonly removeApplication: RemoveApplication;
  readonly grants: Grants;
  readonly registry: Registry;
  readonly clock: Clock;
}

/** My connections. */
@Controller()
@UseFilters(ProblemPageFilter)
export class ConnectionsController {
  constructor(@Inject(CONNECTIONS_PARTS) private readonly parts: ConnectionsParts) {}

  @Get()
  async front(@Res() reply: FastifyReply): Promise<void> {
    await seeOther(reply, '/connections');
  }

  @Get('connections')
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const session = await this.parts.admitted.person(request, reply, home);
    if (!session) return;
    const connections = await this.parts.connections.list(session);
    const notice = noticeFor(request.query, connections);
    const now = this.parts.clock.now();
    await sendPage(reply, connectionsPage({ connections, visitor: session, now, notice }));
  }

  /** The question before a disconnect. */
  @Get('connections/:upstream')
  async ask(
    @Param('upstream') slug: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const session = await this.parts.admitted.person(request, reply, home);
    if (!session) return;
    const all = await this.parts.connections.list(session);
    const connection = all.find(({ upstream }) => upstream.document.slug === slug);
    if (!connection?.grant) return seeOther(reply, '/connections');
    const alsoEnding = all.filter(
      (other) => other !== connection && other.grant?.id === connection.grant?.id,
    );
    await sendPage(reply, disconnectPage(connection, alsoEnding, session));
  }

  @Post('connections/:upstream')
  @UseGuards(CsrfGuard)
  async decide(
    @Param('upstream') slug: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const session = await this.parts.admitted.person(request, reply, home);
    if (!session) return;
    const connection = await this.parts.connections.one(session, slug);
    const decided = form.safeParse(body);
    const next =
      connection && decided.success
        ? await this.#next({ session, connection, form: decided.data, requestId: request.id })
        : undefined;
    await seeOther(reply, next ?? '/connections');
  }

  async #next(answer: Decided): Promise<string | undefined> {
    const { session, connection } = answer;
    switch (answer.form.decision) {
      case 'connect':
        return `/requests/${await this.parts.begin.begin(session, connection)}`;
      case 'disconnect':
        return this.#disconnect(answer);
      case 'remove': {
        const { consent: consentId } = answer.form;
        const target = { consentId, issuer: this.#issuerOf(session), requestId: answer.requestId };
        const removed = await this.parts.removeApplication.remove(session, connection, target);
        return removed ? doneAt('removed', connection) : undefined;
      }
    }
  }

  async #disconnect({ session, connection }: Decided): Promise<string | undefined> {
    if (!connection.grant) return undefined;
    const { subject } = session;
    const actor = { kind: 'person', issuer: this.#issuerOf(session), subject } as const;
    const report = await this.parts.grants.revoke(
      connection.grant.id,
      actor,
      'disconnected by the person',
    );
    return report && doneAt(report.atProvider, connection);
  }

  #issuerOf({ issuerId }: WebSession): string {
    return this.parts.registry.current().issuerById(issuerId)?.document.slug ?? '';
  }
}

interface Decided {
  readonly session: WebSession;
  readonly connection: Connection;
  readonly form: z.output<typeof form>;
  readonly requestId: string;
}

function doneAt(done: string, { upstream }: Connection): string {
  return `/connections?${new URLSearchParams({ done, service: upstream.document.slug }).toString()}`;
}

/** From the address, but only fixed sentences, and a disconnect is believed only of what is disconnected. */
function noticeFor(query: unknown, connections: readonly Connection[]): string | undefined {
  const { data } = doneQuery.safeParse(query);
  const about = connections.find(({ upstream }) => upstream.document.slug === data?.service);
  if (!data || !about) return undefined;
  if (data.done !== 'removed' && about.grant) return undefined;
  return noticeOf(data.done, about.upstream.document.name);
}
