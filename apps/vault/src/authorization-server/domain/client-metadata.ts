import { z } from 'zod';
import { isRedirectUri } from './redirect-uri.js';

const maxRedirectUris = 10;

/**
 * RFC 7591 §2, as far as it matters for a public client that signs people in with a code; what is not named is
 * ignored, as §2 asks.
 */
const clientMetadata = z.object({
  redirect_uris: z
    .array(z.string().refine(isRedirectUri, 'invalid_redirect_uri'))
    .min(1)
    .max(maxRedirectUris),
  client_name: z.string().max(200).optional(),
  token_endpoint_auth_method: z.string().max(100).optional(),
  grant_types: z.array(z.string().max(100)).max(20).optional(),
  response_types: z.array(z.string().max(100)).max(20).optional(),
});

export interface ClientMetadata {
  readonly name: string;
  readonly redirectUris: readonly string[];
}

/** RFC 7591 §3.2.2. */
export interface MetadataRefusal {
  readonly error: 'invalid_redirect_uri' | 'invalid_client_metadata';
  readonly description: string;
}

/** What a client says of itself, or why it cannot be a client here. */
export function readClientMetadata(body: unknown): ClientMetadata | MetadataRefusal {
  const parsed = clientMetadata.safeParse(body);
  if (!parsed.success) return refusalOf(parsed.error);
  const { redirect_uris, client_name, grant_types, response_types } = parsed.data;
  if (grant_types !== undefined && !grant_types.includes('authorization_code'))
    return unusable('grant_types must hold authorization_code.');
  if (response_types !== undefined && !response_types.includes('code'))
    return unusable('response_types must hold code.');
  return { name: client_name?.trim() ?? '', redirectUris: [...new Set(redirect_uris)] };
}

export const notOfAClient = 'The metadata is not that of an OAuth client (RFC 7591).';

function refusalOf({ issues }: z.ZodError): MetadataRefusal {
  const aboutUris = issues.some(({ path }) => path[0] === 'redirect_uris');
  if (!aboutUris) return unusable(notOfAClient);
  return {
    error: 'invalid_redirect_uri',
    description: `Give 1 to ${maxRedirectUris} redirect_uris: https, http to 127.0.0.1, [::1] or localhost, or a private-use scheme; without fragment or user name.`,
  };
}

export function unusable(description: string): MetadataRefusal {
  return { error: 'invalid_client_metadata', description };
}
