import { Inject, Module } from '@nestjs/common';
import type { OnApplicationBootstrap, OnApplicationShutdown, Provider } from '@nestjs/common';
import type { Clock } from '#lib/clock/clock';
import type { Outbound } from '#lib/outbound/outbound';
import type { VaultLogger } from '../log-events.js';
import type { AuditLog } from '../audit/audit-log.js';
import type { Refusals } from '../audit/refusals.js';
import type { CrashPoint } from '../database/crash-point.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { ConsentStore } from '../grants/consent-store.js';
import type { Grants } from '../grants/grants.js';
import { PostgresRevocationStore } from '../grants/postgres-revocation-store.js';
import { InteractionEvents } from '../interactions/interaction-events.js';
import { InteractionsModule } from '../interactions/interactions.module.js';
import { OpenInteraction } from '../interactions/open-interaction.js';
import { PostgresInteractionStore } from '../interactions/postgres-interaction-store.js';
import type { Providers } from '../providers/provider.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { Sealer } from '../sealing/sealer.js';
import { BrowserBinding } from '../sessions/browser-binding.js';
import { Cookies } from '../sessions/cookies.js';
import { LoginDoor } from '../sessions/login-door.js';
import { RequestSessions } from '../sessions/request-sessions.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import {
  AUDIT_LOG,
  CLOCK,
  CONSENT_STORE,
  CRASH_POINT,
  DATABASE,
  GRANTS,
  LOGGER,
  OUTBOUND,
  PROVIDERS,
  PUBLIC_URL,
  REFUSALS,
  REGISTRY,
  SEALER,
} from '../tokens.js';
import { CheckToken } from '../user-tokens/check-token.js';
import { Admitted } from './admitted.js';
import { AllowInteraction } from './allow-interaction.js';
import { BeginConnection } from './begin-connection.js';
import { CallbackController } from './callback.controller.js';
import { callbackRecord } from './callback-record.js';
import { ChooseAccount } from './choose-account.js';
import { CompleteConsent } from './complete-consent.js';
import { CONNECT_BINDING } from './connect-binding.js';
import { ConnectController } from './connect.controller.js';
import { CONNECTIONS_PARTS, ConnectionsController } from './connections.controller.js';
import type { ConnectionsParts } from './connections.controller.js';
import { ConsentRecord } from './consent-record.js';
import { ConsentRequests } from './consent-requests.js';
import { CONSENT_STORES, type ConsentStores } from './consent-stores.js';
import { CONSENT_PARTS, ConsentController } from './consent.controller.js';
import type { ConsentParts } from './consent.controller.js';
import { DiscardUnconfirmed } from './discard-unconfirmed.js';
import { DeclineInteraction } from './decline-interaction.js';
import { GoToProvider } from './go-to-provider.js';
import { ListConnections } from './list-connections.js';
import { PostgresAuthorizationStore } from './postgres-authorization-store.js';
import { PostgresUnconfirmedAccountStore } from './postgres-unconfirmed-account-store.js';
import { PostgresSignInReturns } from './postgres-sign-in-returns.js';
import { ReceiveCallback } from './receive-callback.js';
import { RemoveApplication } from './remove-application.js';
import { RequestPages } from './request-page.js';
import { RestartInteraction } from './restart-interaction.js';
import { SaveToken } from './save-token.js';

const sweepMs = 3_000;

const storing: Provider[] = [
  {
    provide: PostgresUnconfirmedAccountStore,
    useFactory: (database: PostgresDatabase, sealer: Sealer) =>
      new PostgresUnconfirmedAccountStore(database, sealer),
    inject: [DATABASE, SEALER],
  },
  {
    provide: CONSENT_STORES,
    useFactory: (
      database: PostgresDatabase,
      sealer: Sealer,
      interactions: PostgresInteractionStore,
      unconfirmed: PostgresUnconfirmedAccountStore,
      ...[grants, consents]: [Grants, ConsentStore]
    ): ConsentStores => {
      const authorizations = new PostgresAuthorizationStore(database, sealer);
      return { database, interactions, authorizations, unconfirmed, grants, consents };
    },
    inject: [
      DATABASE,
      SEALER,
      PostgresInteractionStore,
      PostgresUnconfirmedAccountStore,
      GRANTS,
      CONSENT_STORE,
    ],
  },
  {
    provide: ConsentRequests,
    useFactory: (registry: Registry, grants: Grants, consents: ConsentStore, clock: Clock) =>
      new ConsentRequests(registry, grants, consents, clock),
    inject: [REGISTRY, GRANTS, CONSENT_STORE, CLOCK],
  },
  {
    provide: ConsentRecord,
    useFactory: (audit: AuditLog, events: InteractionEvents) => new ConsentRecord(audit, events),
    inject: [AUDIT_LOG, InteractionEvents],
  },
  {
    provide: CompleteConsent,
    useFactory: (stores: ConsentStores, record: ConsentRecord) =>
      new CompleteConsent(stores, record),
    inject: [CONSENT_STORES, ConsentRecord],
  },
];

const browsing: Provider[] = [
  {
    provide: Admitted,
    useFactory: (sessions: RequestSessions, door: LoginDoor, clock: Clock) =>
      new Admitted(sessions, door, clock),
    inject: [RequestSessions, LoginDoor, CLOCK],
  },
  {
    provide: CONNECT_BINDING,
    useFactory: (cookies: Cookies) => new BrowserBinding(cookies, 'connect'),
    inject: [Cookies],
  },
  {
    provide: RequestPages,
    useFactory: (
      unconfirmed: PostgresUnconfirmedAccountStore,
      database: PostgresDatabase,
      publicUrl: string,
    ) => {
      const returns = new PostgresSignInReturns(database, publicUrl);
      return new RequestPages(unconfirmed, returns, publicUrl);
    },
    inject: [PostgresUnconfirmedAccountStore, DATABASE, PUBLIC_URL],
  },
];

const deciding: Provider[] = [
  {
    provide: CONSENT_PARTS,
    useFactory: (
      stores: ConsentStores,
      requests: ConsentRequests,
      completeConsent: CompleteConsent,
      record: ConsentRecord,
      ...[admitted, binding, opening, providers, crashPoint, logger, outbound, clock]: [
        Admitted,
        BrowserBinding,
        OpenInteraction,
        Providers,
        CrashPoint,
        VaultLogger,
        Outbound,
        Clock,
      ]
    ): ConsentParts => ({
      admitted,
      requests,
      stores,
      binding,
      crashPoint,
      allow: new AllowInteraction(stores, completeConsent, record),
      decline: new DeclineInteraction(stores, record),
      restart: new RestartInteraction(stores, opening),
      chooseAccount: new ChooseAccount(stores, completeConsent, providers),
      saveToken: new SaveToken(stores, completeConsent, new CheckToken(outbound, logger), clock),
      goToProvider: new GoToProvider(stores, providers, logger),
    }),
    inject: [
      CONSENT_STORES,
      ConsentRequests,
      CompleteConsent,
      ConsentRecord,
      Admitted,
      CONNECT_BINDING,
      OpenInteraction,
      PROVIDERS,
      CRASH_POINT,
      LOGGER,
      OUTBOUND,
      CLOCK,
    ],
  },
  {
    provide: ReceiveCallback,
    useFactory: (
      stores: ConsentStores,
      requests: ConsentRequests,
      completeConsent: CompleteConsent,
      registry: Registry,
      ...[providers, crashPoint, logger, refusals]: [Providers, CrashPoint, VaultLogger, Refusals]
    ) =>
      new ReceiveCallback(stores, requests, {
        registry,
        providers,
        completeConsent,
        crashPoint,
        onFailure: (failure, callback) => {
          const { slug: oauthClient, requestId } = callback;
          logger.warn({ event: 'provider.refused', requestId, oauthClient, ...failure });
          void refusals.note(callbackRecord(callback, failure.code, registry.current()));
        },
        onStray: (kind, callback) => {
          const { slug, requestId } = callback;
          logger.warn({ event: 'callback.stray', requestId, kind, oauthClient: slug });
          void refusals.note(callbackRecord(callback, kind, registry.current()));
        },
      }),
    inject: [
      CONSENT_STORES,
      ConsentRequests,
      CompleteConsent,
      REGISTRY,
      PROVIDERS,
      CRASH_POINT,
      LOGGER,
      REFUSALS,
    ],
  },
];

const connections: Provider = {
  provide: CONNECTIONS_PARTS,
  useFactory: (
    stores: ConsentStores,
    admitted: Admitted,
    registry: Registry,
    opening: OpenInteraction,
    ...[audit, clock]: [AuditLog, Clock]
  ): ConnectionsParts => ({
    admitted,
    connections: new ListConnections(stores, registry),
    begin: new BeginConnection(stores, opening),
    removeApplication: new RemoveApplication(stores, audit),
    grants: stores.grants,
    registry,
    clock,
  }),
  inject: [CONSENT_STORES, Admitted, REGISTRY, OpenInteraction, AUDIT_LOG, CLOCK],
};

const sweeping: Provider = {
  provide: DiscardUnconfirmed,
  useFactory: (
    database: PostgresDatabase,
    unconfirmed: PostgresUnconfirmedAccountStore,
    revocations: PostgresRevocationStore,
    registry: Registry,
    ...[logger]: [VaultLogger]
  ) => new DiscardUnconfirmed({ database, unconfirmed, revocations, registry, logger }),
  inject: [DATABASE, PostgresUnconfirmedAccountStore, PostgresRevocationStore, REGISTRY, LOGGER],
};

/** Consent, the trip to the provider and back, and my connections. */
@Module({
  imports: [SessionsModule, InteractionsModule],
  controllers: [ConnectController, ConsentController, CallbackController, ConnectionsController],
  providers: [...storing, ...browsing, ...deciding, connections, sweeping],
  exports: [CONSENT_PARTS, CONSENT_STORES, ConsentRequests, CompleteConsent],
})
export class ConnectModule implements OnApplicationBootstrap, OnApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(DiscardUnconfirmed) private readonly discard: DiscardUnconfirmed,
    @Inject(LOGGER) private readonly logger: VaultLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.#sweep(), sweepMs).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  async #sweep(): Promise<void> {
    await this.discard
      .run()
      .catch((err: unknown) => this.logger.warn({ event: 'connect.sweep_failed', err }));
  }
}
