import { SynchronisedClock } from '#lib/clock/clock';
import { createLogger } from '#lib/observability/logger';
import { Outbound } from '#lib/outbound/outbound';
import { PostgresAuditLog } from '../audit/postgres-audit-log.js';
import { type CrashPoint, noCrash } from '../database/crash-point.js';
import { PostgresAdvisoryLocks } from '../database/postgres-advisory-locks.js';
import { PostgresDatabase } from '../database/postgres-database.js';
import { PostgresEventBus } from '../events/postgres-event-bus.js';
import { OutboxWorker } from '../outbox/outbox-worker.js';
import { OpenIdProviders } from '../providers/openid-providers.js';
import { RequestSlots } from '../providers/request-slots.js';
import { PostgresRegistryStore } from '../registry/postgres-registry-store.js';
import { StoredRegistry } from '../registry/stored-registry.js';
import { readKeyRing } from '../sealing/read-key-ring.js';
import { KeyRingSealer } from '../sealing/key-ring-sealer.js';
import { PostgresSealingKeyStore } from '../sealing/postgres-sealing-key-store.js';
import { PostgresWebhookStore } from '../webhooks/postgres-webhook-store.js';
import { AccessTokenFor } from './access-token-for.js';
import { DueScan } from './due-scan.js';
import { GrantEvents } from './grant-events.js';
import { PostgresConsentStore } from './postgres-consent-store.js';
import { PostgresGrantEnding } from './postgres-grant-ending.js';
import { PostgresGrantStore } from './postgres-grant-store.js';
import { PostgresHeldGrants } from './postgres-held-grants.js';
import { PostgresDueGrants } from './postgres-due-grants.js';
import { PostgresProviderCircuit } from './postgres-provider-circuit.js';
import { PostgresRefreshStore } from './postgres-refresh-store.js';
import { ProviderCircuits } from './provider-circuits.js';
import { type IdleTimes, RefreshPolicies } from './refresh-policies.js';
import { RefreshGrant } from './refresh-grant.js';
import { RefreshOutcomes } from './refresh-outcomes.js';
import { type OwedRevocation, PostgresRevocationStore } from './postgres-revocation-store.js';
import { RevokeAtProvider } from './revoke-at-provider.js';
import { RevokeGrant } from './revoke-grant.js';
import { UpstreamGrants } from './upstream-grants.js';

const usualIdleTimes: IdleTimes = { idleAfter: 30 * 86_400, keepAlive: 180 * 86_400 };

/** One vault process as far as grants go: its own pools, locks and memory. */
export class GrantsReplica {
  readonly #closing: (() => Promise<unknown>)[] = [];

  database!: PostgresDatabase;
  registry!: StoredRegistry;
  grants!: UpstreamGrants;
  store!: PostgresGrantStore;
  held!: PostgresHeldGrants;
  refreshing!: RefreshGrant;
  tokens!: AccessTokenFor;
  dueScan!: DueScan;
  consents!: PostgresConsentStore;
  providers!: OpenIdProviders;
  /** Revocations that providers still owe an answer to; a test looks itself. */
  revocations!: PostgresRevocationStore;
  revoking!: OutboxWorker<OwedRevocation>;

  static async start(
    url: string,
    keyRing: string,
    options: { crashPoint?: CrashPoint; log?: string[]; idle?: IdleTimes } = {},
  ): Promise<GrantsReplica> {
    const database = new PostgresDatabase({ url, purpose: 'requests', maxConnections: 10 });
    const work = new PostgresDatabase({ url, purpose: 'refresh', maxConnections: 5 });
    const clock = new SynchronisedClock();
    const destination = { write: (line: string) => void options.log?.push(line) };
    const logger = createLogger({ app: 'vault', level: 'trace', destination });
    const keys = readKeyRing('env:KEYS', false, { KEYS: keyRing });
    const sealer = new KeyRingSealer(new PostgresSealingKeyStore(database), keys);
    await sealer.unseal();
    const bus = new PostgresEventBus(url, clock, logger);
    const registryStore = new PostgresRegistryStore(database, sealer);
    const registry = new StoredRegistry(registryStore, { onEvent: () => () => undefined }, logger);
    await registry.start();
    const outbound = new Outbound({ mode: 'development', allow: [] });
    const locks = new PostgresAdvisoryLocks(url);
    const slots = new RequestSlots(locks);
    const publicUrl = 'https://vault.example.com';
    const providers = new OpenIdProviders(publicUrl, outbound, registry, clock, { slots });
    const policies = new RefreshPolicies(registry);
    const circuits = new ProviderCircuits(new PostgresProviderCircuit(work), logger);
    const pacing = { locks, slots, circuits, policies, registry, logger };
    const audit = new PostgresAuditLog();
    const events = new GrantEvents(bus, registry, new PostgresWebhookStore(database), audit);
    const store = new PostgresGrantStore(database, sealer, policies);
    const held = new PostgresHeldGrants(database, sealer);
    const consents = new PostgresConsentStore(database, bus, registry);
    const refreshStore = new PostgresRefreshStore(work, sealer);
    const refreshing = new RefreshGrant({
      store: refreshStore,
      outcomes: new RefreshOutcomes(work, refreshStore, audit, events),
      ...pacing,
      providers,
      crashPoint: options.crashPoint ?? noCrash,
    });
    const report = (err: unknown) => logger.error({ event: 'grant.revocation_broken', err });
    const revocations = new PostgresRevocationStore(database, sealer);
    const atProvider = new RevokeAtProvider({
      ...{ database, store: revocations, providers, registry, audit, logger },
    });
    const revoking = new RevokeGrant({
      ending: new PostgresGrantEnding(sealer),
      ...{ database, consents, revocations, atProvider, registry, audit, events, logger },
    });
    const self = Object.assign(new GrantsReplica(), {
      ...{ database, registry, store, held, refreshing, consents, revocations, providers },
      revoking: new OutboxWorker(atProvider, { atOncePerLane: 2, onError: report }),
      grants: new UpstreamGrants(store, revoking, audit, events),
      tokens: new AccessTokenFor(held, database, refreshing, clock),
      dueScan: new DueScan({
        due: new PostgresDueGrants(work, policies, options.idle ?? usualIdleTimes),
        ...{ refreshing, ...pacing },
      }),
    });
    self.#closing.push(
      () => self.dueScan.stop(),
      () => self.revoking.stop(),
      () => refreshing.drain(),
      async () => registry.stop(),
      () => locks.close(),
      () => outbound.close(),
      () => work.close(),
      () => database.close(),
    );
    return self;
  }

  async stop(): Promise<void> {
    for (const close of this.#closing) await close();
  }
}
