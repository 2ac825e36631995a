import { Controller, Get, Inject, Options, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Clock } from '#lib/clock/clock';
import { tokenExchangeGrant } from '#lib/contract/exchange';
import { anyOrigin } from '../authorization-server/any-origin.js';
import { signInMetadata } from '../authorization-server/sign-in-metadata.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { CLOCK, PUBLIC_URL, REGISTRY } from '../tokens.js';

/** `GET /.well-known/oauth-authorization-server` (RFC 8414): what clients of the exchange need to know. */
@Controller('.well-known')
export class MetadataController {
  constructor(
    @Inject(PUBLIC_URL) private readonly publicUrl: string,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(REGISTRY) private readonly registry: Registry,
  ) {}

  /** Under the name of OpenID Connect too, where some clients look first or only. */
  @Get(['oauth-authorization-server', 'openid-configuration'])
  metadata(@Res({ passthrough: true }) reply: FastifyReply): Record<string, unknown> {
    // R12: our clock, not the host's. A gateway whose own is wrong learns the time from it and can sign.
    reply.header('date', new Date(this.clock.now() * 1000).toUTCString());
    reply.headers(anyOrigin);
    const signIn = signInMetadata(this.registry.current(), this.publicUrl);
    return {
      issuer: this.publicUrl,
      token_endpoint: `${this.publicUrl}/oauth2/token`,
      grant_types_supported: [
        tokenExchangeGrant,
        'client_credentials',
        ...(signIn ? ['authorization_code', 'refresh_token'] : []),
      ],
      // RFC 8414 §2 requires the member, also where nobody is sent to an authorization endpoint.
      response_types_supported: signIn ? ['code'] : [],
      token_endpoint_auth_methods_supported: [...(signIn ? ['none'] : []), 'private_key_jwt'],
      token_endpoint_auth_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      ...signIn,
    };
  }

  @Options(['oauth-authorization-server', 'openid-configuration'])
  async preflight(@Res() reply: FastifyReply): Promise<void> {
    await reply.code(204).headers(anyOrigin).send();
  }
}
