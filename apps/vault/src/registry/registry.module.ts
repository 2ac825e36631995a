import { Global, Inject, Module, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '#lib/clock/clock';
import { type FetchJwks, JwksCache } from '#lib/jwt/jwks-cache';
import { TokenVerifier } from '#lib/jwt/token-verifier';
import type { Logger } from '#lib/observability/logger';
import type { Outbound } from '#lib/outbound/outbound';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { EventSource } from '../events/event-publisher.js';
import type { Sealer } from '../sealing/sealer.js';
import {
  ACCESS_TOKEN_KEYS,
  CLOCK,
  DATABASE,
  EVENT_SOURCE,
  JWKS_CACHE,
  LOGGER,
  OUTBOUND,
  PUBLIC_URL,
  REGISTRY,
  SEALER,
  TOKEN_VERIFIER,
} from '../tokens.js';
import { type AccessTokenKeys, accessTokenJwksUri } from './access-token-keys.js';
import { trustedIssuers } from './issuer-trust.js';
import { PostgresRegistryStore } from './postgres-registry-store.js';
import { StoredRegistry } from './stored-registry.js';
import type { Registry } from './registry-snapshot.js';

/** The registry in memory, and what is verified by it; every feature reads it. */
@Global()
@Module({
  providers: [
    {
      provide: PostgresRegistryStore,
      useFactory: (database: PostgresDatabase, sealer: Sealer) =>
        new PostgresRegistryStore(database, sealer),
      inject: [DATABASE, SEALER],
    },
    {
      provide: REGISTRY,
      useFactory: (store: PostgresRegistryStore, events: EventSource, logger: Logger) =>
        new StoredRegistry(store, events, logger),
      inject: [PostgresRegistryStore, EVENT_SOURCE, LOGGER],
    },
    {
      provide: JWKS_CACHE,
      useFactory: (
        outbound: Outbound,
        clock: Clock,
        publicUrl: string,
        own: AccessTokenKeys | undefined,
      ) => {
        const ownKeys = accessTokenJwksUri(publicUrl);
        const fetch: FetchJwks = (url) =>
          own !== undefined && url === ownKeys ? documentOf(own) : outbound.request(url);
        return new JwksCache({ fetch, clock });
      },
      inject: [OUTBOUND, CLOCK, PUBLIC_URL, { token: ACCESS_TOKEN_KEYS, optional: true }],
    },
    {
      provide: TOKEN_VERIFIER,
      useFactory: (registry: Registry, keys: JwksCache, clock: Clock, publicUrl: string) =>
        new TokenVerifier({
          issuers: () => trustedIssuers(registry.current(), publicUrl),
          keys,
          clock,
        }),
      inject: [REGISTRY, JWKS_CACHE, CLOCK, PUBLIC_URL],
    },
  ],
  exports: [PostgresRegistryStore, REGISTRY, JWKS_CACHE, TOKEN_VERIFIER],
})
export class RegistryModule implements OnModuleInit, OnModuleDestroy {
  constructor(@Inject(REGISTRY) private readonly registry: StoredRegistry) {}

  async onModuleInit(): Promise<void> {
    await this.registry.start();
  }

  onModuleDestroy(): void {
    this.registry.stop();
  }
}

/** Our own are read where they are kept, not over the network. */
async function documentOf(own: AccessTokenKeys): Promise<{ status: number; body: Buffer }> {
  return { status: 200, body: Buffer.from(JSON.stringify({ keys: await own.published() })) };
}
