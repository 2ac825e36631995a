import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { anyOrigin } from '../authorization-server/any-origin.js';
import { PublicClientTokens } from '../authorization-server/public-client-tokens.js';
import { TokenEndpoint } from './token-endpoint.js';

/** `POST /oauth2/token`: machine clients prove who they are; clients that people signed in with are public. */
@Controller('oauth2')
export class TokenController {
  constructor(
    @Inject(TokenEndpoint) private readonly endpoint: TokenEndpoint,
    @Inject(PublicClientTokens) private readonly publicClients: PublicClientTokens,
  ) {}

  @Post('token')
  async token(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { body, id } = request;
    if (this.publicClients.isFor(body)) {
      const answer = await this.publicClients.answer(body, id);
      return reply
        .code(answer.status)
        .headers({ ...answer.headers, ...anyOrigin })
        .send(answer.body);
    }
    const answer = await this.endpoint.answer(body, id);
    await reply.code(answer.status).headers(answer.headers).send(answer.body);
  }
}
