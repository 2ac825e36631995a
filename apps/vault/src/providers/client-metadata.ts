import type { JsonObject } from '../registry/domain/json.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';

/** Where what an oauth client shows of itself is: `{vault public URL}/oauth-clients/{slug}`. */
export function clientAddresses(publicUrl: string, slug: string) {
  const base = `${publicUrl}/oauth-clients/${slug}`;
  return {
    jwks: `${base}/jwks.json`,
    metadataDocument: `${base}/client.json`,
    redirectUri: `${publicUrl}/callback/${slug}`,
  };
}

/** RFC 7591 §2: what we say of ourselves when we register, and in a client id metadata document. */
export function clientMetadata(client: OAuthClient, publicUrl: string): JsonObject {
  const { jwks, redirectUri } = clientAddresses(publicUrl, client.slug);
  const signs = client.clientAuth === 'private_key_jwt';
  return {
    client_name: client.name,
    client_uri: publicUrl,
    // SEP-837 asks that it is said; `web` is OpenID Connect Registration's default.
    application_type: 'web',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: client.clientAuth,
    ...(signs
      ? { jwks_uri: jwks, token_endpoint_auth_signing_alg: client.clientAuthSigningAlg }
      : {}),
    ...(client.scopes.length > 0 ? { scope: client.scopes.join(' ') } : {}),
  };
}
