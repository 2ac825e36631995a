import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import type { Registry } from 'prom-client';
import { Agent } from 'undici';
import { SynchronisedClock } from '#lib/clock/clock';
import { ClientAssertions } from '#lib/contract/client-assertion';
import { VaultClient } from '#lib/contract/vault-client';
import { JwksCache } from '#lib/jwt/jwks-cache';
import { TokenVerifier } from '#lib/jwt/token-verifier';
import { ReadinessChecks } from '#lib/observability/health';
import { Outbound } from '#lib/outbound/outbound';
import type { GatewayConfig } from './config.js';
import { VaultCredentials } from './credentials/vault-credentials.js';
import { HealthController } from './health.controller.js';
import { RefusedTokens } from './inbound/refused-tokens.js';
import { showSignatures } from './inbound/show-signatures.js';
import { SignatureTurns } from './inbound/signature-turns.js';
import { trustedIssuers, vaultKeys } from './inbound/trusted-issuers.js';
import { VerifiedInbound } from './inbound/verified-inbound.js';
import { VerifiedTokens } from './inbound/verified-tokens.js';
import { GatewayMetrics } from './limits/gateway-metrics.js';
import { UpstreamLimits } from './limits/upstream-limits.js';
import type { GatewayLogger } from './log-events.js';
import { ReportDecisions } from './policy/report-decisions.js';
import { ToolInventory } from './policy/tool-inventory.js';
import { Catalogue } from './upstreams/catalogue.js';
import { CircuitBreakers } from './upstreams/circuit-breakers.js';
import { Heartbeats } from './upstreams/heartbeats.js';
import { PendingInteractions } from './upstreams/pending-interactions.js';
import { SnapshotFeed } from './upstreams/snapshot-feed.js';
import { VaultEvents } from './upstreams/vault-events.js';

/** The gateway's parts, each a plain class made here and nowhere else. */
@Module({})
export class AppModule {
  static for(config: GatewayConfig, logger: GatewayLogger, registry: Registry): DynamicModule {
    return {
      module: AppModule,
      controllers: [HealthController],
      providers: [
        ...vaultSide(config, logger),
        ...callerSide(config, registry),
        ...lending(logger),
        ...bounds(logger, registry),
        ...reporting(logger),
        readiness(logger),
      ],
    };
  }
}

function vaultSide(config: GatewayConfig, logger: GatewayLogger): Provider[] {
  return [
    { provide: SynchronisedClock, useFactory: () => new SynchronisedClock() },
    {
      provide: VaultClient,
      useFactory: (clock: SynchronisedClock) => vaultClient(config, clock),
      inject: [SynchronisedClock],
    },
    {
      provide: Heartbeats,
      useFactory: (clock: SynchronisedClock) =>
        new Heartbeats(clock, config.maxStalenessMs, (epochMs, readAtMs) =>
          clock.synchronise(epochMs, readAtMs),
        ),
      inject: [SynchronisedClock],
    },
    {
      provide: VaultEvents,
      useFactory: (vault: VaultClient, heartbeats: Heartbeats) =>
        new VaultEvents({ vault, heartbeats, logger }),
      inject: [VaultClient, Heartbeats],
    },
    {
      provide: SnapshotFeed,
      useFactory: (vault: VaultClient, catalogue: Catalogue) =>
        new SnapshotFeed({ vault, catalogue, logger }),
      inject: [VaultClient, Catalogue],
    },
    {
      provide: PendingInteractions,
      useFactory: (events: VaultEvents, vault: VaultClient) =>
        new PendingInteractions(events, vault),
      inject: [VaultEvents, VaultClient],
    },
  ];
}

function callerSide(config: GatewayConfig, registry: Registry): Provider[] {
  return [
    {
      provide: Outbound,
      useFactory: () => {
        const { mode, outboundAllow: allow, upstreamConnections: connections } = config;
        return new Outbound({ mode, allow, connections });
      },
    },
    {
      provide: Catalogue,
      useFactory: (outbound: Outbound, breakers: CircuitBreakers) =>
        new Catalogue(outbound.dispatcher, breakers),
      inject: [Outbound, CircuitBreakers],
    },
    {
      provide: VerifiedTokens,
      useFactory: (clock: SynchronisedClock) => new VerifiedTokens(clock),
      inject: [SynchronisedClock],
    },
    {
      provide: VerifiedInbound,
      useFactory: (
        catalogue: Catalogue,
        verified: VerifiedTokens,
        outbound: Outbound,
        ...[clock, vault]: [SynchronisedClock, VaultClient]
      ) => {
        const keys = new JwksCache({
          fetch: (url) => (url === vaultKeys ? vault.jwks() : outbound.request(url)),
          clock,
          onChange: () => verified.clear(),
        });
        const verifier = new TokenVerifier({
          issuers: () => trustedIssuers(catalogue, config.publicUrl),
          keys,
          clock,
        });
        const refused = new RefusedTokens(clock, verified);
        const turns = new SignatureTurns(clock);
        showSignatures(turns, registry);
        return new VerifiedInbound({ ...config, verifier, turns, verified, refused, catalogue });
      },
      inject: [Catalogue, VerifiedTokens, Outbound, SynchronisedClock, VaultClient],
    },
  ];
}

function lending(logger: GatewayLogger): Provider[] {
  return [
    {
      provide: VaultCredentials,
      useFactory: (vault: VaultClient, clock: SynchronisedClock, freshness: Heartbeats) =>
        new VaultCredentials({ vault, clock, freshness, logger }),
      inject: [VaultClient, SynchronisedClock, Heartbeats],
    },
  ];
}

function reporting(logger: GatewayLogger): Provider[] {
  return [
    {
      provide: ReportDecisions,
      useFactory: (vault: VaultClient) => new ReportDecisions({ vault, logger }),
      inject: [VaultClient],
    },
    {
      provide: ToolInventory,
      useFactory: (vault: VaultClient, catalogue: Catalogue) =>
        new ToolInventory({ vault, version: () => catalogue.version, logger }),
      inject: [VaultClient, Catalogue],
    },
  ];
}

/** What holds calls back: the limits of upstreams, and the breakers of those that do not answer. */
function bounds(logger: GatewayLogger, registry: Registry): Provider[] {
  return [
    { provide: GatewayMetrics, useFactory: () => new GatewayMetrics(registry) },
    {
      provide: UpstreamLimits,
      useFactory: (clock: SynchronisedClock, metrics: GatewayMetrics) =>
        new UpstreamLimits(clock, (upstream, limit) => metrics.limited(upstream, limit)),
      inject: [SynchronisedClock, GatewayMetrics],
    },
    {
      provide: CircuitBreakers,
      useFactory: (clock: SynchronisedClock, metrics: GatewayMetrics) =>
        new CircuitBreakers(clock, (upstream, state) => {
          metrics.circuit(upstream, state === 'open');
          logger.info({ event: state === 'open' ? 'circuit.opened' : 'circuit.closed', upstream });
        }),
      inject: [SynchronisedClock, GatewayMetrics],
    },
  ];
}

function readiness(logger: GatewayLogger): Provider {
  return {
    provide: ReadinessChecks,
    useFactory: (catalogue: Catalogue, heartbeats: Heartbeats) => {
      const checks = new ReadinessChecks((check, err) =>
        logger.error({ event: 'readiness.failed', check, err }),
      );
      checks.add('configuration', () =>
        catalogue.ready ? undefined : 'nothing received from the vault yet',
      );
      checks.add('vault', () => heartbeats.problem);
      return checks;
    },
    inject: [Catalogue, Heartbeats],
  };
}

function vaultClient(config: GatewayConfig, clock: SynchronisedClock): VaultClient {
  const { key, algorithm, keyId } = config.keys.signing;
  const assertions = new ClientAssertions({
    clientId: config.gatewayId,
    key,
    algorithm,
    keyId,
    clock,
  });
  // The operator's own setting, checked at start: the rules for addresses that admins type do not apply.
  const dispatcher = new Agent({ connections: 64, connect: { timeout: 5000 } });
  const onTime = (epochMs: number) => clock.synchronise(epochMs);
  return new VaultClient({ url: config.vaultUrl, assertions, dispatcher, onTime });
}
