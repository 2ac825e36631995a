import type { CustomFetch, ServerMetadata } from 'openid-client';
import type { Clock } from '#lib/clock/clock';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { ProviderOutbound } from './normalising-outbound.js';
import { regularTokenResponse, withoutChallenge } from './regular-token-response.js';

export interface ProviderFetchParts {
  readonly client: OAuthClient;
  readonly outbound: ProviderOutbound;
  readonly clock: Clock;
}

/** What openid-client asks a server with: token answers come back regular, and `nonces` learns what was wanted, by origin. */
export function providerFetch(
  { client, outbound, clock }: ProviderFetchParts,
  server: ServerMetadata,
  nonces: Map<string, string>,
): CustomFetch {
  const tokenEndpoint = server.token_endpoint && new URL(server.token_endpoint).href;
  return async (url, options) => {
    const response = await outbound.fetch(url, options as RequestInit);
    const nonce = response.headers.get('dpop-nonce');
    if (nonce !== null) nonces.set(new URL(url).origin, nonce);
    if (url !== tokenEndpoint) return withoutChallenge(response);
    return regularTokenResponse(response, options, {
      now: clock.now(),
      binding: client.dpop,
      keepsIdToken: client.issuer !== undefined,
    });
  };
}
