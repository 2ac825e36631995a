import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ReadinessChecks } from '#lib/observability/health';

/** Whether the process is alive, and whether it can serve. */
@Controller()
export class HealthController {
  constructor(private readonly checks: ReadinessChecks) {}

  @Get('healthz')
  alive(): { status: 'alive' } {
    return { status: 'alive' };
  }

  @Get('readyz')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const { status, body } = await this.checks.collect();
    await reply.code(status).header('cache-control', 'no-store').send(body);
  }
}
