import type { ServerMetadata } from 'openid-client';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import { ProviderRefused } from './provider-refused.js';

/**
 * RFC 9126: whether the authorization request goes to the server directly, and the browser carries a reference.
 * Throws ProviderRefused where the two cannot agree.
 */
export function pushesRequests(
  { pushedAuthorization }: OAuthClient,
  metadata: ServerMetadata,
): boolean {
  const offered = metadata.pushed_authorization_request_endpoint !== undefined;
  if (pushedAuthorization === 'always' && !offered)
    throw misconfigured('the server offers no pushed authorization');
  if (pushedAuthorization === 'never' && metadata.require_pushed_authorization_requests === true)
    throw misconfigured('the server demands pushed authorization');
  return offered && pushedAuthorization !== 'never';
}

function misconfigured(detail: string): ProviderRefused {
  return new ProviderRefused({ ok: false, code: 'misconfigured', detail });
}
