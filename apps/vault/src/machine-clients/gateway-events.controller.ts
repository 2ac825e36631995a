import { Body, Controller, Get, HttpCode, Inject, Post, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { sessionEnded } from '#lib/contract/events';
import { Problem } from '#lib/problem/problem';
import type { Database } from '../database/database.js';
import { MachineClientGuard, type MachineClientRequest } from './machine-client.guard.js';
import { DATABASE } from '../tokens.js';
import { EventStream } from '../events/event-stream.js';
import { PostgresEventBus } from '../events/postgres-event-bus.js';

@Controller('gateway/v1')
@UseGuards(MachineClientGuard)
export class GatewayEventsController {
  constructor(
    @Inject(PostgresEventBus) private readonly bus: PostgresEventBus,
    @Inject(DATABASE) private readonly database: Database,
  ) {}

  /** Ends when the listening connection is lost: a gateway must never take silence for quiet. */
  @Get('events')
  events(@Req() request: MachineClientRequest, @Res() reply: FastifyReply): void {
    onlyGateways(request);
    if (!this.bus.connected) {
      throw new Problem(
        'temporarily-unavailable',
        'The database connection is being restored. Retry.',
        {
          headers: { 'retry-after': '1' },
        },
      );
    }
    reply.hijack();
    const stream = new EventStream(reply.raw);
    const stop = this.bus.onMessage(
      (message) => stream.send(message),
      () => stream.end(),
    );
    reply.raw.on('close', stop);
  }

  @Post('sessions/ended')
  @HttpCode(204)
  async endSession(@Req() request: MachineClientRequest, @Body() body: unknown): Promise<void> {
    onlyGateways(request);
    const ended = sessionEnded.safeParse(body);
    if (!ended.success)
      throw new Problem('invalid-request', 'Send {"nonce": "…"} of the ended session.');
    const { nonce } = ended.data;
    await this.database.transaction((tx) => this.bus.publish(tx, { type: 'session-ended', nonce }));
  }
}

function onlyGateways(request: MachineClientRequest): void {
  if (request.machineClient.document.kind !== 'gateway')
    throw new Problem('forbidden', 'Only machine clients of kind gateway follow events.');
}
