import {
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Problem } from '#lib/problem/problem';
import type { RegisteredClientDesk } from '../authorization-server/registered-client-desk.js';
import type { RegisteredClient } from '../authorization-server/postgres-registered-clients.js';
import { isUnstorable } from '../registry/domain/json.js';
import { SIGN_IN_CLIENTS } from '../tokens.js';
import { AdminGuard, type AdminRequest, by } from './admin.guard.js';
import { ListPages } from './list-page.js';

/** Clients that registered themselves to sign people in; there is no POST, they do that at `/oauth2/register`. */
@Controller('admin/v1/sign-in-clients')
@UseGuards(AdminGuard)
export class SignInClientsController {
  constructor(
    @Inject(SIGN_IN_CLIENTS) private readonly desk: RegisteredClientDesk,
    @Inject(ListPages) private readonly pages: ListPages,
  ) {}

  @Get()
  list(@Req() request: AdminRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.pages.answer(
      { name: 'sign-in-clients', filters: {} },
      { request, reply },
      {
        read: (after, most) => this.desk.list(after, most),
        position: ({ clientId }) => clientId,
        present: presented,
      },
    );
  }

  /** 204 also ends every sign-in that it had. */
  @Delete(':id')
  @HttpCode(204)
  async end(@Param('id') id: string, @Req() request: AdminRequest): Promise<void> {
    if (isUnstorable(id))
      throw new Problem('not-found', 'No client registered itself under this id.');
    await this.desk.end(id, by(request));
  }
}

function presented({ name, redirectUris, clientId, ...times }: RegisteredClient) {
  const { createdAt, usedAt, expiresAt } = times;
  return { clientId, name, redirectUris, createdAt, lastSignInAt: usedAt ?? null, expiresAt };
}
