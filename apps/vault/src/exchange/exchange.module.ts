import { Module } from '@nestjs/common';
import type { Clock } from '#lib/clock/clock';
import type { TokenVerifier } from '#lib/jwt/token-verifier';
import type { AuditLog } from '../audit/audit-log.js';
import type { Refusals } from '../audit/refusals.js';
import { AuthorizationServerModule } from '../authorization-server/authorization-server.module.js';
import { LiveCallers } from '../authorization-server/live-callers.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import { AccessTokenFor } from '../grants/access-token-for.js';
import type { ConsentStore } from '../grants/consent-store.js';
import { PacedRequests } from '../grants/paced-requests.js';
import { PostgresHeldGrants } from '../grants/postgres-held-grants.js';
import type { Interactions } from '../interactions/interactions.js';
import { InteractionsModule } from '../interactions/interactions.module.js';
import { MachineClientAuthenticator } from '../machine-clients/machine-client-authenticator.js';
import { PostgresRegistryStore } from '../registry/postgres-registry-store.js';
import type { Registry } from '../registry/registry-snapshot.js';
import {
  AUDIT_LOG,
  CLOCK,
  CONSENT_STORE,
  DATABASE,
  INTERACTIONS,
  LOGGER,
  REFUSALS,
  REGISTRY,
  TOKEN_VERIFIER,
} from '../tokens.js';
import { AskPerson } from './ask-person.js';
import { ClientTokens } from './client-tokens.js';
import { ExchangeSubject } from './exchange-subject.js';
import { ExchangeToken } from './exchange-token.js';
import { FederatedToken } from './federated-token.js';
import { HandOuts } from './hand-outs.js';
import { InteractionsController } from './interactions.controller.js';
import type { VaultLogger } from '../log-events.js';
import { MetadataController } from './metadata.controller.js';
import { ServiceToken } from './service-token.js';
import { TokenEndpoint } from './token-endpoint.js';
import { TokenController } from './token.controller.js';

/** The token endpoint, and what machine clients ask around it. */
@Module({
  imports: [InteractionsModule, AuthorizationServerModule],
  controllers: [TokenController, InteractionsController, MetadataController],
  providers: [
    {
      provide: ExchangeSubject,
      useFactory: (verifier: TokenVerifier, registry: Registry, clock: Clock, live: LiveCallers) =>
        new ExchangeSubject(verifier, registry, clock, live),
      inject: [TOKEN_VERIFIER, REGISTRY, CLOCK, LiveCallers],
    },
    {
      provide: AskPerson,
      useFactory: (interactions: Interactions, database: PostgresDatabase) =>
        new AskPerson(interactions, database),
      inject: [INTERACTIONS, DATABASE],
    },
    {
      provide: HandOuts,
      useFactory: (database: PostgresDatabase, audit: AuditLog, grants: PostgresHeldGrants) =>
        new HandOuts(database, audit, grants),
      inject: [DATABASE, AUDIT_LOG, PostgresHeldGrants],
    },
    {
      provide: FederatedToken,
      useFactory: (
        registry: Registry,
        requests: PacedRequests,
        handOuts: HandOuts,
        ...[database, clock, logger]: [PostgresDatabase, Clock, VaultLogger]
      ) => new FederatedToken({ registry, requests, handOuts, database, clock, logger }),
      inject: [REGISTRY, PacedRequests, HandOuts, DATABASE, CLOCK, LOGGER],
    },
    {
      provide: ExchangeToken,
      useFactory: (
        registry: Registry,
        subjects: ExchangeSubject,
        consents: ConsentStore,
        grants: PostgresHeldGrants,
        ...[tokens, askPerson, database, audit, clock, handOuts, federated]: [
          AccessTokenFor,
          AskPerson,
          PostgresDatabase,
          AuditLog,
          Clock,
          HandOuts,
          FederatedToken,
        ]
      ) =>
        new ExchangeToken({
          ...{ registry, subjects, consents, grants, tokens },
          ...{ askPerson, database, audit, clock, handOuts, federated },
        }),
      inject: [
        REGISTRY,
        ExchangeSubject,
        CONSENT_STORE,
        PostgresHeldGrants,
        AccessTokenFor,
        AskPerson,
        DATABASE,
        AUDIT_LOG,
        CLOCK,
        HandOuts,
        FederatedToken,
      ],
    },
    {
      provide: ClientTokens,
      useFactory: (
        requests: PacedRequests,
        clock: Clock,
        logger: VaultLogger,
        store: PostgresRegistryStore,
      ) =>
        new ClientTokens(requests, clock, logger, (id, failure) => store.recordCheck(id, failure)),
      inject: [PacedRequests, CLOCK, LOGGER, PostgresRegistryStore],
    },
    {
      provide: ServiceToken,
      useFactory: (
        registry: Registry,
        clientTokens: ClientTokens,
        handOuts: HandOuts,
        ...[database, audit, clock]: [PostgresDatabase, AuditLog, Clock]
      ) => new ServiceToken({ registry, clientTokens, handOuts, database, audit, clock }),
      inject: [REGISTRY, ClientTokens, HandOuts, DATABASE, AUDIT_LOG, CLOCK],
    },
    {
      provide: TokenEndpoint,
      useFactory: (
        clients: MachineClientAuthenticator,
        persons: ExchangeToken,
        services: ServiceToken,
        ...[logger, refusals]: [VaultLogger, Refusals]
      ) => new TokenEndpoint(clients, { persons, services }, logger, refusals),
      inject: [MachineClientAuthenticator, ExchangeToken, ServiceToken, LOGGER, REFUSALS],
    },
  ],
})
export class ExchangeModule {}
