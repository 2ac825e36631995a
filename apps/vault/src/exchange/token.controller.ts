import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TokenEndpoint } from './token-endpoint.js';

/** `POST /oauth2/token`. */
@Controller('oauth2')
export class TokenController {
  constructor(@Inject(TokenEndpoint) private readonly endpoint: TokenEndpoint) {}

  @Post('token')
  async token(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const answer = await this.endpoint.answer(request.body, request.id);
    await reply.code(answer.status).headers(answer.headers).send(answer.body);
  }
}
