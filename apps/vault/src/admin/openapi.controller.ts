import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { PUBLIC_URL } from '../tokens.js';
import { sendPage } from '../web/send-page.js';
import { apiPage } from './api-page.js';
import { openApiDocument } from './openapi.js';

/** The description of the admin API; open to all, because it holds nothing of this installation. */
@Controller()
export class OpenApiController {
  constructor(@Inject(PUBLIC_URL) private readonly publicUrl: string) {}

  @Get('openapi.json')
  @Header('cache-control', 'public, max-age=300')
  document() {
    return openApiDocument(this.publicUrl);
  }

  @Get('docs')
  page(@Res() reply: FastifyReply): Promise<void> {
    return sendPage(reply, apiPage());
  }
}
