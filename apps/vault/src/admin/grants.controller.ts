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
import { z } from 'zod';
import { Problem } from '#lib/problem/problem';
import type { Grants } from '../grants/grants.js';
import { GRANTS } from '../tokens.js';
import { AdminGuard, type AdminRequest } from './admin.guard.js';
import { knownId } from './known-id.js';
import { ListPages } from './list-page.js';
import { PostgresGrantList } from './postgres-grant-list.js';

const absent = 'There is no such grant.';
const text = z.string().min(1).max(500).optional();
const filters = {
  issuer: text,
  subject: text,
  oauthClient: text,
  upstream: text,
  application: text,
  status: z.enum(['active', 'refreshing', 'needs_consent', 'revoked']).optional(),
  broken: z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional(),
};

@Controller('admin/v1/grants')
@UseGuards(AdminGuard)
export class GrantsController {
  constructor(
    @Inject(PostgresGrantList) private readonly entries: PostgresGrantList,
    @Inject(GRANTS) private readonly grants: Grants,
    @Inject(ListPages) private readonly pages: ListPages,
  ) {}

  @Get()
  list(@Req() request: AdminRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.pages.answer(
      { name: 'grants', filters },
      { request, reply },
      {
        read: (after, most, wanted) => this.entries.list(wanted, { after, limit: most }),
        position: (entry) => entry.id,
        present: (entry) => entry,
      },
    );
  }

  @Get(':id')
  async get(@Param('id') id: string) {
    const entry = await this.entries.byId(knownId(id, absent));
    if (entry) return entry;
    throw new Problem('not-found', absent);
  }

  /** Ends it here for certain; the answer says what came of it at the provider. */
  @Delete(':id')
  @HttpCode(200)
  async revoke(@Param('id') id: string, @Req() request: AdminRequest) {
    const reason = 'An administrator ended this connection.';
    const report = await this.grants.revoke(knownId(id, absent), request.admin.actor, reason);
    if (report) return report;
    throw new Problem('not-found', absent);
  }
}
