import {
  Body,
  Controller,
  Get,
  Header,
  HttpCode,
  Inject,
  Post,
  Query,
  Req,
  UseGuards,
} from '@nestjs/common';
import { stringify } from 'yaml';
import { AdminGuard, type AdminRequest } from './admin.guard.js';
import { authorityOf } from './admin-principal.js';
import { readDryRun } from './list-page.js';
import { PortableRegistry } from './portable-registry.js';

/** The whole registry as one document, out and in. */
@Controller('admin/v1')
@UseGuards(AdminGuard)
export class PortableController {
  constructor(@Inject(PortableRegistry) private readonly portable: PortableRegistry) {}

  @Get('export')
  @Header('content-type', 'application/yaml; charset=utf-8')
  async export(): Promise<string> {
    return stringify(await this.portable.export());
  }

  @Post('apply')
  @HttpCode(200)
  async apply(@Body() body: unknown, @Query() query: unknown, @Req() request: AdminRequest) {
    const { dryRun } = readDryRun(query);
    const authority = authorityOf(request.admin, request.id);
    return { dryRun, results: await this.portable.apply(body, authority, { dryRun }) };
  }
}
