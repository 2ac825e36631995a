import { applications } from './domain/application-collection.js';
import type { Collection, CollectionName } from './domain/collection.js';
import { issuers } from './domain/issuer-collection.js';
import { machineClients } from './domain/machine-client-collection.js';
import { oauthClientsBy } from './domain/oauth-client-collection.js';
import { upstreams } from './domain/upstream-collection.js';
import { webhooks } from './domain/webhook-collection.js';
import { templateResolution } from './effective-oauth-client.js';

/** Every collection by name; a document is opaque to whoever handles all of them alike. */
export const collections: Readonly<Record<CollectionName, Collection<object>>> = {
  issuers,
  applications,
  'oauth-clients': oauthClientsBy(templateResolution),
  upstreams,
  'machine-clients': machineClients,
  webhooks,
};

export function collectionNamed(name: string): Collection<object> | undefined {
  return Object.values(collections).find((collection) => collection.name === name);
}
