import { calculatePKCECodeChallenge } from 'openid-client';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { AuthorizationStart } from './provider.js';

/** RFC 6749 §4.1.1 with PKCE S256; what the administrator adds cannot replace any of it. */
export async function authorizationParameters(
  { client, redirectUri }: { readonly client: OAuthClient; readonly redirectUri: string },
  start: AuthorizationStart,
  expectsIdToken: boolean,
): Promise<Record<string, string>> {
  const verifier = start.codeVerifier.reveal();
  return {
    ...client.authorizeParams,
    redirect_uri: redirectUri,
    response_type: 'code',
    state: start.state,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...(start.scopes.length > 0 ? { scope: start.scopes.join(' ') } : {}),
    ...(expectsIdToken ? { nonce: start.nonce } : {}),
    ...resourceOf(client, start),
  };
}

/** RFC 8707: at the authorization endpoint, at the redemption and at each refresh alike. */
export function resourceOf(
  client: OAuthClient,
  { resource }: { readonly resource?: string | undefined },
): Record<string, string> {
  const target = resource ?? client.resource;
  return target === undefined ? {} : { resource: target };
}
