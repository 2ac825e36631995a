import {
  Controller,
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
import { PostgresWebhookDeliveries } from '../webhooks/postgres-webhook-deliveries.js';
import { WebhookDesk } from '../webhooks/webhook-desk.js';
import { AdminGuard, type AdminRequest, by } from './admin.guard.js';
import { knownId } from './known-id.js';
import { ListPages } from './list-page.js';

const filters = { state: z.enum(['pending', 'delivered', 'failed']).optional() };

/** What was and is to be delivered to a webhook; the webhook itself is a resource like the others. */
@Controller('admin/v1/webhooks/:slug')
@UseGuards(AdminGuard)
export class WebhooksController {
  constructor(
    @Inject(WebhookDesk) private readonly desk: WebhookDesk,
    @Inject(PostgresWebhookDeliveries) private readonly entries: PostgresWebhookDeliveries,
    @Inject(ListPages) private readonly pages: ListPages,
  ) {}

  @Get('deliveries')
  async list(
    @Param('slug') slug: string,
    @Req() request: AdminRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id } = await this.desk.endpoint(slug);
    return this.pages.answer(
      { name: `deliveries ${id}`, filters },
      { request, reply },
      {
        read: (before, most, wanted) => this.entries.list(id, wanted, { before, limit: most }),
        position: ({ position }) => position,
        present: ({ entry }) => entry,
      },
    );
  }

  @Post('deliveries/:id/redeliver')
  @HttpCode(202)
  redeliver(@Param() { slug, id }: { slug: string; id: string }, @Req() request: AdminRequest) {
    const delivery = knownId(id, 'This webhook has no such delivery.');
    return this.desk.redeliver(slug, delivery, by(request));
  }

  /** Waits for the receiver. */
  @Post('test')
  @HttpCode(200)
  test(@Param('slug') slug: string, @Req() { admin, id: requestId }: AdminRequest) {
    return this.desk.test(slug, { actor: admin.actor, requestId });
  }
}
