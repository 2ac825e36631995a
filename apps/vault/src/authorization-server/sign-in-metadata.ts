import { accessTokenJwksUri } from '../registry/access-token-keys.js';
import type { RegistrySnapshot } from '../registry/registry-snapshot.js';
import { signInResources } from '../registry/sign-in-resources.js';

/** RFC 8414 members of the authorization endpoint and what belongs to it; undefined while nobody signs in here. */
export function signInMetadata(
  registry: RegistrySnapshot,
  publicUrl: string,
): Record<string, unknown> | undefined {
  if (signInResources(registry).length === 0) return undefined;
  return {
    authorization_endpoint: `${publicUrl}/oauth2/authorize`,
    registration_endpoint: `${publicUrl}/oauth2/register`,
    revocation_endpoint: `${publicUrl}/oauth2/revoke`,
    revocation_endpoint_auth_methods_supported: ['none'],
    jwks_uri: accessTokenJwksUri(publicUrl),
    response_modes_supported: ['query'],
    code_challenge_methods_supported: ['S256'],
    // RFC 9207.
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
    prompt_values_supported: ['login', 'consent', 'select_account'],
    // For those who read it as OpenID Connect's; no ID token is ever issued here.
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  };
}
