import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Problem } from '#lib/problem/problem';
import type { LeaverDesk } from '../leavers/leaver-desk.js';
import { explainIssues } from '../registry/domain/explain-issues.js';
import { isUnstorable } from '../registry/domain/json.js';
import { LEAVERS, PUBLIC_URL } from '../tokens.js';
import { AdminGuard, type AdminRequest, by } from './admin.guard.js';
import { knownId } from './known-id.js';
import { ListPages } from './list-page.js';

const absent = 'There is no such leaver.';
const text = z
  .string()
  .min(1)
  .max(500)
  .refine((value) => !isUnstorable(value), 'It holds what cannot be stored.');
const order = z.strictObject({ issuer: text, subject: text, reason: text.optional() });
const filters = {
  issuer: text.optional(),
  subject: text.optional(),
  status: z.enum(['ending', 'waiting', 'complete']).optional(),
  barred: z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional(),
};

/** People who leave; also the event hook of an identity provider that speaks no SCIM. */
@Controller('admin/v1/leavers')
@UseGuards(AdminGuard)
export class LeaversController {
  constructor(
    @Inject(LEAVERS) private readonly desk: LeaverDesk,
    @Inject(ListPages) private readonly pages: ListPages,
    @Inject(PUBLIC_URL) private readonly publicUrl: string,
  ) {}

  /** 202 while a provider is still to answer: the receipt goes on under its address. */
  @Post()
  async end(
    @Body() body: unknown,
    @Req() request: AdminRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const parsed = order.safeParse(body);
    if (!parsed.success)
      throw new Problem('validation-failed', 'Send {"issuer": …, "subject": …}.', {
        errors: explainIssues(parsed.error.issues, body),
      });
    const { reason, ...who } = parsed.data;
    const entry = await this.desk.end({ ...who, reason }, by(request));
    reply.status(entry.status === 'complete' ? 200 : 202);
    reply.header('location', `${this.publicUrl}/admin/v1/leavers/${entry.id}`);
    return entry;
  }

  @Get()
  list(@Req() request: AdminRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.pages.answer(
      { name: 'leavers', filters },
      { request, reply },
      {
        read: (before, most, wanted) => this.desk.list(wanted, { before, limit: most }),
        position: ({ position }) => position,
        present: ({ entry }) => entry,
      },
    );
  }

  @Get(':id')
  get(@Param('id') id: string) {
    return this.desk.show(knownId(id, absent));
  }

  /** Lifts the bar; the receipt stays. */
  @Delete(':id')
  @HttpCode(200)
  lift(@Param('id') id: string, @Req() request: AdminRequest) {
    return this.desk.lift(knownId(id, absent), by(request));
  }
}
