import {
  Body,
  Controller,
  HttpCode,
  Inject,
  Param,
  Post,
  Query,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Problem } from '#lib/problem/problem';
import { explainIssues } from '../registry/domain/explain-issues.js';
import { webUrl } from '../registry/domain/names.js';
import { entityTag } from '../registry/entity-tag.js';
import { MoveIssuer } from '../registry/move-issuer.js';
import { PUBLIC_URL } from '../tokens.js';
import { AdminGuard, type AdminRequest } from './admin.guard.js';
import { authorityOf } from './admin-principal.js';
import { readDryRun } from './list-page.js';
import { presentResource } from './present-resource.js';

const day = 86_400;
const moveBody = z.strictObject({
  to: webUrl,
  acceptSeconds: z
    .int()
    .min(0)
    .max(90 * day)
    .default(day),
  confirmNewKeys: z.boolean().default(false),
});

/** An issuer whose URL changed. */
@Controller('admin/v1/issuers/:slug/move')
@UseGuards(AdminGuard)
export class IssuerMoveController {
  constructor(
    @Inject(MoveIssuer) private readonly issuers: MoveIssuer,
    @Inject(PUBLIC_URL) private readonly publicUrl: string,
  ) {}

  @Post()
  @HttpCode(200)
  async move(
    @Param('slug') slug: string,
    @Body() body: unknown,
    @Query() query: unknown,
    @Req() request: AdminRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const wish = moveBody.safeParse(body);
    if (!wish.success)
      throw new Problem('validation-failed', 'Send {"to": "https://…"}, the new issuer.', {
        errors: explainIssues(wish.error.issues, body),
      });
    const { dryRun } = readDryRun(query);
    const ifMatch = request.headers['if-match'];
    const authority = authorityOf(request.admin, request.id);
    const { report, move } = await this.issuers.move(slug, wish.data, authority, {
      dryRun,
      ifMatch,
    });
    const { changes, effects, row } = report;
    if (!dryRun && row) reply.header('etag', entityTag(row));
    return {
      dryRun,
      ...move,
      ...{ changes, effects },
      issuer: dryRun || row === undefined ? null : presentResource(row, this.publicUrl),
    };
  }
}
