import { Controller, Get, Header, Inject, Param } from '@nestjs/common';
import { Problem } from '#lib/problem/problem';
import type { JsonObject } from '../registry/domain/json.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { PUBLIC_URL, REGISTRY } from '../tokens.js';
import { clientAddresses, clientMetadata } from './client-metadata.js';
import { PostgresSigningKeys } from './postgres-signing-keys.js';
import { keyOwnerOf } from './signing-keys.js';

const cacheable = 'public, max-age=300';

/** What authorization servers read of us, without credentials. */
@Controller('oauth-clients/:slug')
export class ClientDocumentsController {
  constructor(
    @Inject(REGISTRY) private readonly registry: Registry,
    @Inject(PostgresSigningKeys) private readonly keys: PostgresSigningKeys,
    @Inject(PUBLIC_URL) private readonly publicUrl: string,
  ) {}

  /** RFC 7517: the public keys of an oauth client that signs. */
  @Get('jwks.json')
  @Header('cache-control', cacheable)
  @Header('access-control-allow-origin', '*')
  async jwks(@Param('slug') slug: string): Promise<{ keys: readonly JsonObject[] }> {
    const client = this.registry.current().oauthClient(slug);
    if (client?.document.clientAuth !== 'private_key_jwt')
      throw new Problem('not-found', 'There is no oauth client of this slug that signs.');
    return { keys: await this.keys.published(keyOwnerOf(client)) };
  }

  /** The client id metadata document: its address is the client id. */
  @Get('client.json')
  @Header('cache-control', cacheable)
  @Header('access-control-allow-origin', '*')
  metadata(@Param('slug') slug: string): JsonObject {
    const client = this.registry.current().oauthClient(slug)?.document;
    if (client?.registration !== 'metadata-document')
      throw new Problem('not-found', 'There is no oauth client of this slug with such a document.');
    const { metadataDocument } = clientAddresses(this.publicUrl, slug);
    return { client_id: metadataDocument, ...clientMetadata(client, this.publicUrl) };
  }
}
