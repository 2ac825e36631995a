import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Clock } from '#lib/clock/clock';
import { tokenExchangeGrant } from '#lib/contract/exchange';
import { CLOCK, PUBLIC_URL } from '../tokens.js';

/** `GET /.well-known/oauth-authorization-server` (RFC 8414): what clients of the exchange need to know. */
@Controller('.well-known')
export class MetadataController {
  constructor(
    @Inject(PUBLIC_URL) private readonly publicUrl: string,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get('oauth-authorization-server')
  metadata(@Res({ passthrough: true }) reply: FastifyReply): Record<string, unknown> {
    // R12: our clock, not the host's. A gateway whose own is wrong learns the time from it and can sign.
    reply.header('date', new Date(this.clock.now() * 1000).toUTCString());
    return {
      issuer: this.publicUrl,
      token_endpoint: `${this.publicUrl}/oauth2/token`,
      grant_types_supported: [tokenExchangeGrant, 'client_credentials'],
      // RFC 8414 §2 requires the member; nobody is sent to an authorization endpoint here.
      response_types_supported: [],
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
      token_endpoint_auth_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    };
  }
}
