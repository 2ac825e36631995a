import { clientAddresses } from '../providers/client-metadata.js';
import { authorizationServerOf } from '../providers/signing-keys.js';
import type { JsonObject } from '../registry/domain/json.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { OAuthClientDocument } from '../registry/domain/oauth-client-document.js';
import { effective } from '../registry/effective-oauth-client.js';
import type { RegistryRow } from '../registry/registry-row.js';

/** What the vault knows of an oauth client besides its document: what to register, and what is missing. */
export function oauthClientFacts(row: RegistryRow, vaultPublicUrl: string): JsonObject {
  const document = effective(row.document as OAuthClientDocument & JsonObject);
  const { jwks, metadataDocument, redirectUri } = clientAddresses(vaultPublicUrl, row.slug);
  const missing = missingMembers(document, row);
  const registered =
    document.registration === 'metadata-document'
      ? { clientId: metadataDocument, authorizationServer: authorizationServerOf(document) }
      : currentRegistration(document, row);
  return {
    redirectUri,
    ...(document.clientAuth === 'private_key_jwt' ? { signingKeysUri: jwks } : {}),
    ...(registered ? { registered } : {}),
    status: missing.length > 0 ? 'draft' : row.checkFailure === undefined ? 'ready' : 'failing',
    missing,
    ...(row.checkFailure === undefined ? {} : { failure: row.checkFailure }),
  };
}

function missingMembers(document: OAuthClient, row: RegistryRow): string[] {
  const { registration, clientAuth, clientId } = document;
  if (registration === 'metadata-document') return [];
  // POST …/test registers, and so does the first person who connects.
  if (registration === 'dynamic')
    return currentRegistration(document, row) || row.checkFailure ? [] : ['registered'];
  const needsSecret = clientAuth.startsWith('client_secret');
  return [
    ...(clientId === undefined ? ['clientId'] : []),
    ...(needsSecret && !row.secretsSet.includes('clientSecret') ? ['clientSecret'] : []),
  ];
}

/** One at another server counts no more. */
function currentRegistration(document: OAuthClient, { registered }: RegistryRow) {
  if (document.registration !== 'dynamic') return undefined;
  const here = registered?.authorizationServer === authorizationServerOf(document);
  return here ? registered : undefined;
}
