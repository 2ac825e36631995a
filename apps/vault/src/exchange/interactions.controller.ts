import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InteractionState } from './interaction-state.js';

/** `GET /interactions/{id}`, for services that wait. */
@Controller('interactions')
export class InteractionsController {
  constructor(@Inject(InteractionState) private readonly state: InteractionState) {}

  @Get(':id')
  async read(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const answer = await this.state.read(id, request.headers.authorization, request.id);
    await reply.code(answer.status).headers(answer.headers).send(answer.body);
  }
}
