import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  Put,
  Req,
  UseGuards,
} from '@nestjs/common';
import { z } from 'zod';
import { Problem } from '#lib/problem/problem';
import { explainIssues } from '../registry/domain/explain-issues.js';
import type { ScimAccess } from '../scim/scim-access.js';
import { SCIM_ACCESS } from '../tokens.js';
import { AdminGuard, type AdminRequest, by } from './admin.guard.js';
import { knownId } from './known-id.js';

const settings = z.strictObject({
  subjectAttribute: z.enum(['externalId', 'userName']).default('externalId'),
});

/** The SCIM service of an issuer's identity provider, and the tokens that open it. */
@Controller('admin/v1/issuers/:slug/scim')
@UseGuards(AdminGuard)
export class ScimAccessController {
  constructor(@Inject(SCIM_ACCESS) private readonly access: ScimAccess) {}

  @Get()
  get(@Param('slug') slug: string) {
    return this.access.show(slug);
  }

  @Put()
  put(@Param('slug') slug: string, @Body() body: unknown, @Req() request: AdminRequest) {
    const parsed = settings.safeParse(body ?? {});
    if (!parsed.success)
      throw new Problem('validation-failed', 'Correct what the errors name and send it again.', {
        errors: explainIssues(parsed.error.issues, body),
      });
    return this.access.put(slug, parsed.data.subjectAttribute, by(request));
  }

  @Delete()
  @HttpCode(204)
  remove(@Param('slug') slug: string, @Req() request: AdminRequest) {
    return this.access.remove(slug, by(request));
  }

  /** Shows the token this once. */
  @Post('tokens')
  addToken(@Param('slug') slug: string, @Req() request: AdminRequest) {
    return this.access.addToken(slug, by(request));
  }

  @Delete('tokens/:id')
  @HttpCode(204)
  removeToken(@Param() { slug, id }: { slug: string; id: string }, @Req() request: AdminRequest) {
    const token = knownId(id, 'There is no such token.');
    return this.access.removeToken(slug, token, by(request));
  }
}
