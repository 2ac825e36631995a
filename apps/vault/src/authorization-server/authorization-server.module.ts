import {
  Global,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import type { Clock } from '#lib/clock/clock';
import type { TokenVerifier } from '#lib/jwt/token-verifier';
import type { Outbound } from '#lib/outbound/outbound';
import type { AuditLog } from '../audit/audit-log.js';
import { ConnectModule } from '../connect/connect.module.js';
import { CONSENT_PARTS, type ConsentParts } from '../connect/consent.controller.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { ConsentStore } from '../grants/consent-store.js';
import type { Grants } from '../grants/grants.js';
import { InteractionsModule } from '../interactions/interactions.module.js';
import { OpenInteraction } from '../interactions/open-interaction.js';
import type { VaultLogger } from '../log-events.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { BrowserBinding } from '../sessions/browser-binding.js';
import { Cookies } from '../sessions/cookies.js';
import { LoginDoor } from '../sessions/login-door.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import {
  ACCESS_TOKEN_KEYS,
  AUDIT_LOG,
  CLOCK,
  CONSENT_STORE,
  DATABASE,
  GRANTS,
  LOGGER,
  OUTBOUND,
  PUBLIC_URL,
  REGISTRY,
  SIGN_IN_CLIENTS,
  TOKEN_VERIFIER,
} from '../tokens.js';
import { AttemptLimit } from '../web/attempt-limit.js';
import {
  AUTHORIZE_PARTS,
  AuthorizeController,
  type AuthorizeParts,
} from './authorize.controller.js';
import { BeginSignIn } from './begin-sign-in.js';
import { ClientDocuments } from './client-documents.js';
import { CLIENTS_PARTS, ClientsController, type ClientsParts } from './clients.controller.js';
import { ConnectionStanding } from './connection-standing.js';
import { ConsentOfSignIn } from './consent-of-sign-in.js';
import { FinishSignIn } from './finish-sign-in.js';
import { LiveCallers } from './live-callers.js';
import { MintAccessToken } from './mint-access-token.js';
import type { PostgresAccessTokenKeys } from './postgres-access-token-keys.js';
import { PostgresClientSessions } from './postgres-client-sessions.js';
import { PostgresRegisteredClients } from './postgres-registered-clients.js';
import { PostgresSignInStore } from './postgres-sign-in-store.js';
import { PublicClientTokens } from './public-client-tokens.js';
import { RegisteredClientDesk } from './registered-client-desk.js';
import { RevokeSession } from './revoke-session.js';
import { SIGN_IN_PARTS, SignInController, type SignInParts } from './sign-in.controller.js';
import { SignInClients } from './sign-in-clients.js';
import { rates } from './sign-in-rates.js';

const sweepMs = 5 * 60 * 1000;

const SIGN_IN_BINDING = Symbol('BrowserBinding of sign-ins');

const storing: Provider[] = [
  ...[PostgresRegisteredClients, PostgresSignInStore, PostgresClientSessions].map((Store) => ({
    provide: Store,
    useFactory: (database: PostgresDatabase) => new Store(database),
    inject: [DATABASE],
  })),
  {
    provide: SignInClients,
    useFactory: (
      registered: PostgresRegisteredClients,
      outbound: Outbound,
      clock: Clock,
      url: string,
    ) =>
      new SignInClients(registered, new ClientDocuments(outbound, clock, url.startsWith('http:'))),
    inject: [PostgresRegisteredClients, OUTBOUND, CLOCK, PUBLIC_URL],
  },
];

const browsing: Provider[] = [
  {
    provide: SIGN_IN_BINDING,
    useFactory: (cookies: Cookies) => new BrowserBinding(cookies, 'sign-in'),
    inject: [Cookies],
  },
  {
    provide: AUTHORIZE_PARTS,
    useFactory: (
      clients: SignInClients,
      store: PostgresSignInStore,
      registry: Registry,
      binding: BrowserBinding,
      ...[clock, publicUrl]: [Clock, string]
    ): AuthorizeParts => ({
      beginning: new BeginSignIn(clients, store, registry),
      binding,
      limit: new AttemptLimit(rates.signInsPerAddress, clock),
      inAll: new AttemptLimit(rates.signInsInAll, clock),
      publicUrl,
    }),
    inject: [SignInClients, PostgresSignInStore, REGISTRY, SIGN_IN_BINDING, CLOCK, PUBLIC_URL],
  },
  {
    provide: FinishSignIn,
    useFactory: (
      database: PostgresDatabase,
      signIns: PostgresSignInStore,
      sessions: PostgresClientSessions,
      registered: PostgresRegisteredClients,
      ...[connect, registry, audit, publicUrl]: [ConsentParts, Registry, AuditLog, string]
    ) => {
      const { interactions, consents } = connect.stores;
      return new FinishSignIn({
        ...{ database, signIns, sessions, registered },
        ...{ interactions, consents, registry, audit, publicUrl },
      });
    },
    inject: [
      DATABASE,
      PostgresSignInStore,
      PostgresClientSessions,
      PostgresRegisteredClients,
      CONSENT_PARTS,
      REGISTRY,
      AUDIT_LOG,
      PUBLIC_URL,
    ],
  },
  {
    provide: SIGN_IN_PARTS,
    useFactory: (
      database: PostgresDatabase,
      store: PostgresSignInStore,
      connect: ConsentParts,
      finishing: FinishSignIn,
      ...[opening, binding, door, registry, publicUrl]: [
        OpenInteraction,
        BrowserBinding,
        LoginDoor,
        Registry,
        string,
      ]
    ): SignInParts => ({
      ...{ database, store, connect, finishing, binding, door, publicUrl },
      consents: new ConsentOfSignIn(
        database,
        opening,
        { requests: connect.requests, consents: connect.stores.consents },
        registry,
      ),
    }),
    inject: [
      DATABASE,
      PostgresSignInStore,
      CONSENT_PARTS,
      FinishSignIn,
      OpenInteraction,
      SIGN_IN_BINDING,
      LoginDoor,
      REGISTRY,
      PUBLIC_URL,
    ],
  },
];

const issuing: Provider[] = [
  {
    provide: SIGN_IN_CLIENTS,
    useFactory: (
      database: PostgresDatabase,
      registered: PostgresRegisteredClients,
      sessions: PostgresClientSessions,
      audit: AuditLog,
    ) => new RegisteredClientDesk(database, registered, sessions, audit),
    inject: [DATABASE, PostgresRegisteredClients, PostgresClientSessions, AUDIT_LOG],
  },
  {
    provide: LiveCallers,
    useFactory: (sessions: PostgresClientSessions) => new LiveCallers(sessions),
    inject: [PostgresClientSessions],
  },
  {
    provide: ConnectionStanding,
    useFactory: (registry: Registry, grants: Grants, consents: ConsentStore, clock: Clock) =>
      new ConnectionStanding(registry, grants, consents, clock),
    inject: [REGISTRY, GRANTS, CONSENT_STORE, CLOCK],
  },
  {
    provide: PublicClientTokens,
    useFactory: (
      database: PostgresDatabase,
      sessions: PostgresClientSessions,
      standing: ConnectionStanding,
      keys: PostgresAccessTokenKeys,
      ...[registry, audit, logger, clock, publicUrl]: [
        Registry,
        AuditLog,
        VaultLogger,
        Clock,
        string,
      ]
    ) => {
      const minting = new MintAccessToken(keys, clock, publicUrl);
      return new PublicClientTokens({
        ...{ database, sessions, standing, minting, registry, audit, logger },
      });
    },
    inject: [
      DATABASE,
      PostgresClientSessions,
      ConnectionStanding,
      ACCESS_TOKEN_KEYS,
      REGISTRY,
      AUDIT_LOG,
      LOGGER,
      CLOCK,
      PUBLIC_URL,
    ],
  },
  {
    provide: CLIENTS_PARTS,
    useFactory: (
      clients: SignInClients,
      keys: PostgresAccessTokenKeys,
      database: PostgresDatabase,
      sessions: PostgresClientSessions,
      ...[verifier, registry, clock, audit]: [TokenVerifier, Registry, Clock, AuditLog]
    ): ClientsParts => ({
      ...{ clients, keys, registry },
      revoking: new RevokeSession(database, sessions, verifier, registry, audit),
      perAddress: new AttemptLimit(rates.registrationsPerAddress, clock),
      inAll: new AttemptLimit(rates.registrationsInAll, clock),
    }),
    inject: [
      SignInClients,
      ACCESS_TOKEN_KEYS,
      DATABASE,
      PostgresClientSessions,
      TOKEN_VERIFIER,
      REGISTRY,
      CLOCK,
      AUDIT_LOG,
    ],
  },
];

/** The vault as an authorization server: consent before the first call, for clients without elicitation. */
@Global()
@Module({
  imports: [SessionsModule, InteractionsModule, ConnectModule],
  controllers: [AuthorizeController, SignInController, ClientsController],
  providers: [...storing, ...browsing, ...issuing],
  exports: [
    SIGN_IN_CLIENTS,
    LiveCallers,
    PublicClientTokens,
    PostgresClientSessions,
    PostgresRegisteredClients,
  ],
})
export class AuthorizationServerModule implements OnApplicationBootstrap, OnApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(PostgresRegisteredClients) private readonly registered: PostgresRegisteredClients,
    @Inject(PostgresSignInStore) private readonly signIns: PostgresSignInStore,
    @Inject(PostgresClientSessions) private readonly sessions: PostgresClientSessions,
    @Inject(LOGGER) private readonly logger: VaultLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.#sweep(), sweepMs).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  async #sweep(): Promise<void> {
    try {
      await this.registered.removeExpired();
      await this.signIns.removeExpired();
      await this.sessions.removeExpired();
    } catch (err) {
      this.logger.warn({ event: 'sign_in.sweep_failed', err });
    }
  }
}
