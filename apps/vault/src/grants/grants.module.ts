import {
  type BeforeApplicationShutdown,
  Global,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import type { Clock } from '#lib/clock/clock';
import type { AuditLog } from '../audit/audit-log.js';
import type { VaultConfig } from '../config.js';
import type { CrashPoint } from '../database/crash-point.js';
import { PostgresAdvisoryLocks } from '../database/postgres-advisory-locks.js';
import { PostgresDatabase } from '../database/postgres-database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import type { Providers } from '../providers/provider.js';
import { RequestSlots } from '../providers/request-slots.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { Sealer } from '../sealing/sealer.js';
import { PostgresWebhookStore } from '../webhooks/postgres-webhook-store.js';
import {
  AUDIT_LOG,
  CLOCK,
  CONFIG,
  CONSENT_STORE,
  CRASH_POINT,
  DATABASE,
  EVENT_PUBLISHER,
  GRANTS,
  LOGGER,
  PROVIDERS,
  REGISTRY,
  SEALER,
} from '../tokens.js';
import { AccessTokenFor } from './access-token-for.js';
import { DueScan } from './due-scan.js';
import { GrantEvents } from './grant-events.js';
import type { VaultLogger } from '../log-events.js';
import { PacedRequests } from './paced-requests.js';
import { PostgresConsentStore } from './postgres-consent-store.js';
import { PostgresGrantEnding } from './postgres-grant-ending.js';
import { PostgresGrantStore } from './postgres-grant-store.js';
import { PostgresHeldGrants } from './postgres-held-grants.js';
import { PostgresDueGrants } from './postgres-due-grants.js';
import { PostgresProviderCircuit } from './postgres-provider-circuit.js';
import { PostgresRefreshStore } from './postgres-refresh-store.js';
import { ProviderCircuits } from './provider-circuits.js';
import { RefreshPolicies } from './refresh-policies.js';
import { RefreshGrant } from './refresh-grant.js';
import { RefreshOutcomes } from './refresh-outcomes.js';
import { PostgresRevocationStore } from './postgres-revocation-store.js';
import { RevocationsModule } from './revocations.module.js';
import { RevokeAtProvider } from './revoke-at-provider.js';
import { RevokeGrant } from './revoke-grant.js';
import { UpstreamGrants } from './upstream-grants.js';

/** A pool apart: a provider that hangs, and the refreshes behind it, take no connection from reads. */
const REFRESH_DATABASE = Symbol('PostgresDatabase of refreshes');

/** What both ways to a refresh share. */
type Pacing = [
  PostgresAdvisoryLocks,
  RequestSlots,
  ProviderCircuits,
  RefreshPolicies,
  Registry,
  VaultLogger,
];
const pacingTokens = [
  PostgresAdvisoryLocks,
  RequestSlots,
  ProviderCircuits,
  RefreshPolicies,
  REGISTRY,
  LOGGER,
];

function paced([locks, slots, circuits, policies, registry, logger]: Pacing) {
  return { locks, slots, circuits, policies, registry, logger };
}

const stores: Provider[] = [
  {
    provide: REFRESH_DATABASE,
    useFactory: ({ databaseUrl: url }: VaultConfig) =>
      new PostgresDatabase({ url, purpose: 'refresh', maxConnections: 5 }),
    inject: [CONFIG],
  },
  {
    provide: RefreshPolicies,
    useFactory: (registry: Registry) => new RefreshPolicies(registry),
    inject: [REGISTRY],
  },
  {
    provide: PostgresGrantStore,
    useFactory: (database: PostgresDatabase, sealer: Sealer, policies: RefreshPolicies) =>
      new PostgresGrantStore(database, sealer, policies),
    inject: [DATABASE, SEALER, RefreshPolicies],
  },
  {
    provide: PostgresHeldGrants,
    useFactory: (database: PostgresDatabase, sealer: Sealer) =>
      new PostgresHeldGrants(database, sealer),
    inject: [DATABASE, SEALER],
  },
  {
    provide: PostgresRefreshStore,
    useFactory: (database: PostgresDatabase, sealer: Sealer) =>
      new PostgresRefreshStore(database, sealer),
    inject: [REFRESH_DATABASE, SEALER],
  },
  {
    provide: PostgresConsentStore,
    useFactory: (database: PostgresDatabase, events: EventPublisher, registry: Registry) =>
      new PostgresConsentStore(database, events, registry),
    inject: [DATABASE, EVENT_PUBLISHER, REGISTRY],
  },
  { provide: CONSENT_STORE, useExisting: PostgresConsentStore },
  {
    provide: GrantEvents,
    useFactory: (
      events: EventPublisher,
      registry: Registry,
      webhooks: PostgresWebhookStore,
      audit: AuditLog,
    ) => new GrantEvents(events, registry, webhooks, audit),
    inject: [EVENT_PUBLISHER, REGISTRY, PostgresWebhookStore, AUDIT_LOG],
  },
];

const refreshing: Provider[] = [
  {
    provide: RefreshOutcomes,
    useFactory: (
      database: PostgresDatabase,
      store: PostgresRefreshStore,
      audit: AuditLog,
      events: GrantEvents,
    ) => new RefreshOutcomes(database, store, audit, events),
    inject: [REFRESH_DATABASE, PostgresRefreshStore, AUDIT_LOG, GrantEvents],
  },
  {
    provide: ProviderCircuits,
    useFactory: (database: PostgresDatabase, logger: VaultLogger) =>
      new ProviderCircuits(new PostgresProviderCircuit(database), logger),
    inject: [REFRESH_DATABASE, LOGGER],
  },
  {
    provide: RefreshGrant,
    useFactory: (
      store: PostgresRefreshStore,
      outcomes: RefreshOutcomes,
      providers: Providers,
      ...[crashPoint, ...pacing]: [CrashPoint, ...Pacing]
    ) => new RefreshGrant({ store, outcomes, providers, crashPoint, ...paced(pacing) }),
    inject: [PostgresRefreshStore, RefreshOutcomes, PROVIDERS, CRASH_POINT, ...pacingTokens],
  },
  {
    provide: PacedRequests,
    useFactory: (
      providers: Providers,
      slots: RequestSlots,
      circuits: ProviderCircuits,
      policies: RefreshPolicies,
    ) => new PacedRequests({ providers, slots, circuits, policies }),
    inject: [PROVIDERS, RequestSlots, ProviderCircuits, RefreshPolicies],
  },
  {
    provide: DueScan,
    useFactory: (
      database: PostgresDatabase,
      { idleTimes }: VaultConfig,
      refreshing: RefreshGrant,
      ...pacing: Pacing
    ) => {
      const parts = paced(pacing);
      const due = new PostgresDueGrants(database, parts.policies, idleTimes);
      return new DueScan({ due, refreshing, ...parts });
    },
    inject: [REFRESH_DATABASE, CONFIG, RefreshGrant, ...pacingTokens],
  },
  {
    provide: AccessTokenFor,
    useFactory: (
      held: PostgresHeldGrants,
      database: PostgresDatabase,
      refresh: RefreshGrant,
      clock: Clock,
    ) => new AccessTokenFor(held, database, refresh, clock),
    inject: [PostgresHeldGrants, DATABASE, RefreshGrant, CLOCK],
  },
];

type RevokePorts = [RevokeAtProvider, Registry, AuditLog, GrantEvents, VaultLogger];

const ending: Provider[] = [
  {
    provide: RevokeGrant,
    useFactory: (
      database: PostgresDatabase,
      sealer: Sealer,
      consents: PostgresConsentStore,
      revocations: PostgresRevocationStore,
      ...[atProvider, registry, audit, events, logger]: RevokePorts
    ) =>
      new RevokeGrant({
        ending: new PostgresGrantEnding(sealer),
        ...{ database, consents, revocations, atProvider, registry, audit, events, logger },
      }),
    inject: [
      DATABASE,
      SEALER,
      PostgresConsentStore,
      PostgresRevocationStore,
      RevokeAtProvider,
      REGISTRY,
      AUDIT_LOG,
      GrantEvents,
      LOGGER,
    ],
  },
  {
    provide: GRANTS,
    useFactory: (
      store: PostgresGrantStore,
      revoke: RevokeGrant,
      audit: AuditLog,
      events: GrantEvents,
    ) => new UpstreamGrants(store, revoke, audit, events),
    inject: [PostgresGrantStore, RevokeGrant, AUDIT_LOG, GrantEvents],
  },
];

/** What people granted, and keeping it alive. */
@Global()
@Module({
  imports: [RevocationsModule],
  providers: [...stores, ...refreshing, ...ending],
  exports: [
    GRANTS,
    CONSENT_STORE,
    PostgresGrantStore,
    PostgresHeldGrants,
    AccessTokenFor,
    PacedRequests,
    RefreshGrant,
    RevokeGrant,
    DueScan,
  ],
})
export class GrantsModule
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  constructor(
    @Inject(DueScan) private readonly dueScan: DueScan,
    @Inject(RefreshGrant) private readonly refresh: RefreshGrant,
    @Inject(PostgresAdvisoryLocks) private readonly locks: PostgresAdvisoryLocks,
    @Inject(REFRESH_DATABASE) private readonly database: PostgresDatabase,
  ) {}

  onApplicationBootstrap(): void {
    this.dueScan.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.dueScan.stop();
    await this.refresh.drain();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.locks.close();
    await this.database.close();
  }
}
