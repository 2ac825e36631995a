import 'reflect-metadata';
import { METHODS } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { fastify as createFastify, type FastifyInstance } from 'fastify';
import { Registry } from 'prom-client';
import { SynchronisedClock } from '#lib/clock/clock';
import { VaultClient } from '#lib/contract/vault-client';
import { frameworkLog } from '#lib/observability/framework-log';
import { type Drain, drainConnections } from '#lib/process/drain-connections';
import { neverSniffed } from '#lib/problem/never-sniffed';
import { createRequestId } from '#lib/observability/request-id';
import { Outbound } from '#lib/outbound/outbound';
import type { Tracing } from '#lib/tracing/tracing';
import { AppModule } from './app.module.js';
import { CallRoutes } from './call-routes.js';
import type { GatewayConfig } from './config.js';
import { VaultCredentials } from './credentials/vault-credentials.js';
import { registerFederationRoute } from './federation/federation-route.js';
import { AccessLog } from './http/access-log.js';
import { type HttpRouteDeps, registerHttpRoutes } from './http/http-route.js';
import { checkedServer, requestCheck } from './inbound/checked-server.js';
import { registerMetadataRoutes } from './inbound/metadata-route.js';
import { registerNothingElse } from './inbound/nothing-else.js';
import { fewRefusalLines } from './inbound/refusal-lines.js';
import { VerifiedInbound } from './inbound/verified-inbound.js';
import { VerifiedTokens } from './inbound/verified-tokens.js';
import { UpstreamLimits } from './limits/upstream-limits.js';
import type { GatewayLogger } from './log-events.js';
import { registerMcpRoutes } from './mcp/mcp-route.js';
import { ReportDecisions } from './policy/report-decisions.js';
import { ToolInventory } from './policy/tool-inventory.js';
import { StateSealer } from './sealed-state.js';
import { shedRefusal } from './shedding/shed-answer.js';
import { watchLoad } from './shedding/watch-load.js';
import { Catalogue } from './upstreams/catalogue.js';
import { Heartbeats } from './upstreams/heartbeats.js';
import { PendingInteractions } from './upstreams/pending-interactions.js';
import { SnapshotFeed } from './upstreams/snapshot-feed.js';
import { VaultEvents } from './upstreams/vault-events.js';
import { TracedCalls } from './tracing/traced-calls.js';
import type { SessionDoor } from './workers/session-door.js';

/** Calls under way get this long to end; open streams are cut then. */
const drainMs = 3000;

export interface RunningGateway {
  /** Where it listens: `http://HOST:PORT`. */
  readonly origin: string;
  stop(): Promise<void>;
}

/** Where metrics are registered, and of a worker the way to the others. */
interface Surroundings {
  readonly registry?: Registry;
  readonly door?: SessionDoor;
  /** Undefined where nobody asked for traces. */
  readonly tracing?: Tracing | undefined;
}

/** Listens when it returns; ready once the vault's first snapshot is here. Port 0 takes a free one. */
export async function startGateway(
  config: GatewayConfig,
  logger: GatewayLogger,
  destination: { write(lines: string): unknown },
  { registry = new Registry(), door, tracing }: Surroundings = {},
): Promise<RunningGateway> {
  // The server exists before the parts that judge its requests; it listens only after them.
  const gate: { inbound?: VerifiedInbound } = {};
  const traced = tracing && new TracedCalls(tracing);
  const routes = new CallRoutes(traced);
  const watched = watchLoad(config.shedding, logger, registry);
  const check = requestCheck(
    { refuseMalformed: (request) => gate.inbound?.refuseMalformed(request) },
    watched.load,
  );
  const fastify = createFastify({
    serverFactory: (listener) => {
      const all = routes.before(listener);
      return checkedServer(check, door?.only(routes) ?? routes, door?.before(all) ?? all);
    },
    genReqId: () => createRequestId(),
    forceCloseConnections: true,
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, maxParamLength: 128 },
    logger: false,
  });
  fastify.server.once('close', watched.stop);
  neverSniffed(fastify);
  for (const method of METHODS) if (method !== 'CONNECT') addMethod(fastify, method);
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.for(config, logger, registry),
    new FastifyAdapter(fastify),
    { logger: frameworkLog(logger), abortOnError: false, bodyParser: false },
  );
  gate.inbound = app.get(VerifiedInbound);
  wire(app);
  const isLogged = ['trace', 'debug', 'info'].includes(config.logLevel);
  const access = new AccessLog(destination, isLogged, traced && ((line) => traced.wrote(line)));
  const lines = fewRefusalLines(logger, registry);
  const shed = () => shedRefusal(watched.load);
  registerRoutes(routes, fastify, app, { config, logger: lines, access, door, shed });
  const drain = drainConnections(fastify.server, ...(door ? [door.server] : []));
  app.get(VaultEvents).start();
  app.get(SnapshotFeed).start();
  app.get(ReportDecisions).start();
  app.get(ToolInventory).start();
  await door?.mayTakeCalls(app.get(Catalogue));
  await app.listen(config.port, config.host);
  return { origin: await app.getUrl(), stop: () => stop(app, drain).finally(access.flush) };
}

function addMethod(fastify: FastifyInstance, method: string): void {
  if (!fastify.supportedMethods.includes(method)) fastify.addHttpMethod(method, { hasBody: true });
}

/** Who hears of what. */
function wire(app: NestFastifyApplication): void {
  const [events, feed, catalogue] = [
    app.get(VaultEvents),
    app.get(SnapshotFeed),
    app.get(Catalogue),
  ];
  const credentials = app.get(VaultCredentials);
  app.get(PendingInteractions);
  events.onConnected(() => {
    credentials.reconnected();
    feed.refresh();
  });
  app.get(Heartbeats).onSilence(() => credentials.silent());
  events.onChange((change) => {
    credentials.changed(change);
    if (change.type === 'config') feed.refresh();
  });
  catalogue.onChange(() => {
    app.get(VerifiedTokens).clear();
    credentials.reconfigured();
  });
}

function registerRoutes(
  routes: CallRoutes,
  fastify: FastifyInstance,
  app: NestFastifyApplication,
  given: {
    readonly config: GatewayConfig;
    readonly logger: GatewayLogger;
    readonly access: AccessLog;
    readonly door: SessionDoor | undefined;
    readonly shed: HttpRouteDeps['shed'];
  },
): void {
  const { config, logger, access, door } = given;
  const { publicUrl, gatewayId, keys } = config;
  const catalogue = app.get(Catalogue);
  const parts = {
    publicUrl,
    inbound: app.get(VerifiedInbound),
    upstreams: catalogue,
    credentials: app.get(VaultCredentials),
    clock: app.get(SynchronisedClock),
    limits: app.get(UpstreamLimits),
  };
  registerMetadataRoutes(fastify, { publicUrl, catalogue });
  registerHttpRoutes(routes, fastify, {
    ...parts,
    ...{ decisions: app.get(ReportDecisions), logger, access, shed: given.shed },
  });
  const sealer = new StateSealer(keys.sealing, gatewayId, door?.keeps);
  const mcp = {
    ...parts,
    watch: app.get(PendingInteractions),
    inventory: app.get(ToolInventory),
    decisions: app.get(ReportDecisions),
    sealer,
    strictElicitation: config.strictElicitation,
    log: logger,
    access,
  };
  registerMcpRoutes(routes, mcp);
  registerFederationRoute(routes, mcp);
  registerNothingElse(fastify);
}

async function stop(app: NestFastifyApplication, drain: Drain): Promise<void> {
  await drain.begin(sleep(drainMs));
  await app.close();
  await Promise.all(
    [VaultEvents, SnapshotFeed, ReportDecisions, ToolInventory].map((part) =>
      app.get<{ stop(): Promise<void> }>(part).stop(),
    ),
  );
  await Promise.all([app.get(Outbound).close(), app.get(VaultClient).close()]);
}
