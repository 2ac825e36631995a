import type { JsonObject } from '../registry/domain/json.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { OAuthClientDocument } from '../registry/domain/oauth-client-document.js';
import { effective } from '../registry/effective-oauth-client.js';
import type { RegistryRow } from '../registry/registry-row.js';

/** What the vault knows of an oauth client besides its document: what to register, and what is missing. */
export function oauthClientFacts(row: RegistryRow, vaultPublicUrl: string): JsonObject {
  const document = effective(row.document as OAuthClientDocument & JsonObject);
  const missing = missingMembers(document, row.secretsSet);
  return {
    redirectUri: `${vaultPublicUrl}/callback/${row.slug}`,
    ...(document.clientAuth === 'private_key_jwt'
      ? { signingKeysUri: `${vaultPublicUrl}/oauth-clients/${row.slug}/jwks.json` }
      : {}),
    status: missing.length > 0 ? 'draft' : row.checkFailure === undefined ? 'ready' : 'failing',
    missing,
    ...(row.checkFailure === undefined ? {} : { failure: row.checkFailure }),
  };
}

function missingMembers(document: OAuthClient, secretsSet: readonly string[]): string[] {
  const needsSecret = document.clientAuth.startsWith('client_secret');
  return [
    ...(document.clientId === undefined ? ['clientId'] : []),
    ...(needsSecret && !secretsSet.includes('clientSecret') ? ['clientSecret'] : []),
  ];
}
