import { randomBytes } from 'node:crypto';
import { isUnstorable } from '../registry/domain/json.js';
import { selfRegisteredId } from '../registry/self-registered.js';
import type { ClientDocuments } from './client-documents.js';
import {
  type MetadataRefusal,
  notOfAClient,
  readClientMetadata,
  unusable,
} from './domain/client-metadata.js';
import type { SignInClient } from './domain/sign-in-client.js';
import type { PostgresRegisteredClients, RegisteredClient } from './postgres-registered-clients.js';

/** Whoever may ask people to sign in: clients that registered here, and those that have a document of their own. */
export class SignInClients {
  constructor(
    private readonly registered: PostgresRegisteredClients,
    private readonly documents: ClientDocuments,
  ) {}

  async find(clientId: string): Promise<SignInClient | undefined> {
    if (clientId === '' || clientId.length > 500) return undefined;
    if (this.documents.isAddress(clientId)) return this.documents.find(clientId);
    return this.registered.find(clientId);
  }

  /** RFC 7591; undefined while there are too many that nobody uses. */
  async register(body: unknown): Promise<RegisteredClient | MetadataRefusal | undefined> {
    const metadata = readClientMetadata(body);
    if ('error' in metadata) return metadata;
    if (isUnstorable(metadata.name)) return unusable(notOfAClient);
    const clientId = selfRegisteredId(metadata.name, randomBytes(16).toString('base64url'));
    return this.registered.add(clientId, metadata);
  }
}
