import type { JsonObject } from '../registry/domain/json.js';
import type { Webhook } from '../registry/domain/webhook.js';
import type { RegistryRow } from '../registry/registry-row.js';
import { oauthClientFacts } from './oauth-client-facts.js';

/** A resource as the admin API shows it: the document, and what the vault itself knows. Never a secret. */
export function presentResource(row: RegistryRow, vaultPublicUrl: string): JsonObject {
  return {
    ...row.document,
    ...(row.collection === 'oauth-clients' ? oauthClientFacts(row, vaultPublicUrl) : {}),
    ...(row.collection === 'webhooks' ? webhookFacts(row) : {}),
    id: row.id,
    version: row.version,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    secretsSet: row.secretsSet,
  };
}

function webhookFacts(row: RegistryRow): JsonObject {
  const { enabled } = row.document as Webhook;
  const missing = row.secretsSet.includes('secret') ? [] : ['secret'];
  const works = missing.length > 0 ? 'draft' : enabled ? 'ready' : 'disabled';
  return {
    status: row.checkFailure === undefined ? works : 'failing',
    missing,
    ...(row.checkFailure === undefined ? {} : { failure: row.checkFailure }),
  };
}
