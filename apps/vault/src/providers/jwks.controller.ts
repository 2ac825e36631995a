import { Controller, Get, Header, Inject, Param } from '@nestjs/common';
import { Problem } from '#lib/problem/problem';
import type { JsonObject } from '../registry/domain/json.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { REGISTRY } from '../tokens.js';
import { PostgresSigningKeys } from './postgres-signing-keys.js';
import { keyOwnerOf } from './signing-keys.js';

/** What authorization servers read of us, without credentials. */
@Controller('oauth-clients/:slug')
export class JwksController {
  constructor(
    @Inject(REGISTRY) private readonly registry: Registry,
    @Inject(PostgresSigningKeys) private readonly keys: PostgresSigningKeys,
  ) {}

  /** RFC 7517: the public keys of an oauth client that signs. */
  @Get('jwks.json')
  @Header('cache-control', 'public, max-age=300')
  @Header('access-control-allow-origin', '*')
  async jwks(@Param('slug') slug: string): Promise<{ keys: readonly JsonObject[] }> {
    const client = this.registry.current().oauthClient(slug);
    if (client?.document.clientAuth !== 'private_key_jwt')
      throw new Problem('not-found', 'There is no oauth client of this slug that signs.');
    return { keys: await this.keys.published(keyOwnerOf(client)) };
  }
}
