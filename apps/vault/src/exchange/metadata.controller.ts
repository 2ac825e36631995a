import { Controller, Get, Inject } from '@nestjs/common';
import { tokenExchangeGrant } from '#lib/contract/exchange';
import { PUBLIC_URL } from '../tokens.js';

/** `GET /.well-known/oauth-authorization-server` (RFC 8414): what clients of the exchange need to know. */
@Controller('.well-known')
export class MetadataController {
  constructor(@Inject(PUBLIC_URL) private readonly publicUrl: string) {}

  @Get('oauth-authorization-server')
  metadata(): Record<string, unknown> {
    return {
      issuer: this.publicUrl,
      token_endpoint: `${this.publicUrl}/oauth2/token`,
      grant_types_supported: [tokenExchangeGrant],
      // RFC 8414 §2 requires the member; nobody is sent to an authorization endpoint here.
      response_types_supported: [],
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
      token_endpoint_auth_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    };
  }
}
