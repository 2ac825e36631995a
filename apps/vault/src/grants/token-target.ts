import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Upstream } from '../registry/domain/upstream.js';

/** Which of a grant's access tokens: by resource (RFC 8707) and, where a grant is shared, scope set; '' for none. */
export interface TokenTarget {
  readonly resource: string;
  readonly scopes: string;
}

type OAuthCredential = Extract<Upstream['credential'], { type: 'oauth' }>;

/** One Entra refresh token serves several resources: there the upstream's own scopes choose the token. */
export function targetOf(credential: OAuthCredential, client: OAuthClient): TokenTarget {
  const ownScopes = client.sharing === 'shared' ? credential.scopes : undefined;
  return { resource: credential.resource ?? '', scopes: ownScopes?.join(' ') ?? '' };
}

/** What to ask the token endpoint for (RFC 6749 §6: without `scope` the granted ones stay). */
export function refreshParameters(target: TokenTarget): { scopes?: string[]; resource?: string } {
  return {
    ...(target.scopes === '' ? {} : { scopes: target.scopes.split(' ') }),
    ...(target.resource === '' ? {} : { resource: target.resource }),
  };
}
