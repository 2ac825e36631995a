import { Body, Controller, HttpCode, Inject, Post, Query, Req, UseGuards } from '@nestjs/common';
import type { ImportGrants, ImportReport } from '../imports/import-grants.js';
import { GRANT_IMPORTS } from '../tokens.js';
import { AdminGuard, type AdminRequest } from './admin.guard.js';
import { readDryRun } from './list-page.js';

/** Refresh tokens of another system. The answer takes as long as the providers do. */
@Controller('admin/v1/grants/import')
@UseGuards(AdminGuard)
export class GrantsImportController {
  constructor(@Inject(GRANT_IMPORTS) private readonly imports: Pick<ImportGrants, 'import'>) {}

  @Post()
  @HttpCode(200)
  import(
    @Body() body: unknown,
    @Query() query: unknown,
    @Req() { admin, id: requestId }: AdminRequest,
  ): Promise<ImportReport> {
    return this.imports.import(body, { actor: admin.actor, requestId }, readDryRun(query));
  }
}
