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
  UseGuards,
} from '@nestjs/common';
import { z } from 'zod';
import { Problem } from '#lib/problem/problem';
import { ToolDesk } from '../policy/tool-desk.js';
import { explainIssues } from '../registry/domain/explain-issues.js';
import { AdminGuard, type AdminRequest, by } from './admin.guard.js';

const approval = z.union([
  z.strictObject({ names: z.array(z.string().min(1).max(256)).min(1).max(2_000) }),
  z.strictObject({ all: z.literal(true) }),
]);

/** What a server's tools are known by, and what of their changes an administrator lets through, or has forgotten. */
@Controller('admin/v1/upstreams/:slug/tools')
@UseGuards(AdminGuard)
export class UpstreamToolsController {
  constructor(@Inject(ToolDesk) private readonly desk: ToolDesk) {}

  @Get()
  list(@Param('slug') slug: string) {
    return this.desk.list(slug);
  }

  @Delete()
  forget(@Param('slug') slug: string, @Req() request: AdminRequest) {
    return this.desk.forget(slug, by(request));
  }

  @Post('approve')
  @HttpCode(200)
  approve(@Param('slug') slug: string, @Body() body: unknown, @Req() request: AdminRequest) {
    const parsed = approval.safeParse(body);
    if (!parsed.success)
      throw new Problem('validation-failed', 'Send {"names": ["…"]} or {"all": true}.', {
        errors: explainIssues(parsed.error.issues, body),
      });
    const names = 'names' in parsed.data ? parsed.data.names : undefined;
    return this.desk.approve(slug, names, by(request));
  }
}
