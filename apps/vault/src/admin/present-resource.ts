import type { JsonObject } from '../registry/domain/json.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { RegistryRow } from '../registry/registry-row.js';

/** A resource as the admin API shows it: the document, and what the vault itself knows. Never a secret. */
export function presentResource(row: RegistryRow, vaultPublicUrl: string): JsonObject {
  return {
    ...row.document,
    ...(row.collection === 'oauth-clients' ? oauthClientFacts(row, vaultPublicUrl) : {}),
    id: row.id,
    version: row.version,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    secretsSet: row.secretsSet,
  };
}

function oauthClientFacts(row: RegistryRow, vaultPublicUrl: string): JsonObject {
  const document = row.document as OAuthClient;
  const missing = [
    ...(document.clientId === undefined ? ['clientId'] : []),
    ...(document.clientAuth !== 'none' && !row.secretsSet.includes('clientSecret')
      ? ['clientSecret']
      : []),
  ];
  return {
    redirectUri: `${vaultPublicUrl}/callback/${row.slug}`,
    status: missing.length > 0 ? 'draft' : row.checkFailure === undefined ? 'ready' : 'failing',
    missing,
    ...(row.checkFailure === undefined ? {} : { failure: row.checkFailure }),
  };
}
