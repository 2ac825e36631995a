import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import formbody from '@fastify/formbody';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  fastify as createFastify,
  type FastifyError,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { Registry } from 'prom-client';
import { countRequests } from '#lib/observability/count-requests';
import { openTracing } from '#lib/tracing/open-tracing';
import { traceRequests } from '#lib/tracing/trace-requests';
import type { Tracing } from '#lib/tracing/tracing';
import { frameworkLog } from '#lib/observability/framework-log';
import { createLogger } from '#lib/observability/logger';
import { createMetrics, startMetricsServer } from '#lib/observability/metrics';
import { type Drain, drainConnections } from '#lib/process/drain-connections';
import { runAsProcess, stopOnSignal } from '#lib/process/lifecycle';
import { createRequestId } from '#lib/observability/request-id';
import { neverSniffed } from '#lib/problem/never-sniffed';
import { Problem } from '#lib/problem/problem';
import { renderProblemJson } from '#lib/problem/render';
import { AppModule } from './app.module.js';
import { readVaultConfig, type VaultConfig } from './config.js';
import { PostgresEventBus } from './events/postgres-event-bus.js';
import { DueScan } from './grants/due-scan.js';
import { RefreshGrant } from './grants/refresh-grant.js';
import type { VaultEvent, VaultLogger } from './log-events.js';
import { ProblemChoiceFilter } from './web/problem-page.filter.js';

/** Answers under way get this long once the refreshes in flight are done. */
const drainMs = 3_000;

export interface RunningVault {
  /** Where it listens: `http://HOST:PORT`. */
  readonly origin: string;
  stop(): Promise<void>;
}

/** Listens when it returns; `GET /readyz` says whether it can serve. Port 0 takes a free one. */
export async function startVault(
  config: VaultConfig,
  logger: VaultLogger,
  registry?: Registry,
  tracing?: Tracing,
): Promise<RunningVault> {
  const fastify = createFastify({
    genReqId: () => createRequestId(),
    forceCloseConnections: true,
    bodyLimit: 1 << 20,
    requestTimeout: 30_000,
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, maxParamLength: 200 },
    frameworkErrors: answerBadAddress,
    // How often Node looks for slow senders: its 30 s would let the limits below triple.
    http: { connectionsCheckingInterval: 2_000 },
    logger: false,
  });
  neverSniffed(fastify);
  if (tracing) traceRequests(fastify, tracing);
  await fastify.register(formbody);
  if (registry) countRequests(fastify, registry);
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.for(config, logger, tracing),
    new FastifyAdapter(fastify),
    { logger: frameworkLog(logger), abortOnError: false, bodyParser: false },
  );
  app.useGlobalFilters(new ProblemChoiceFilter(logger));
  // Row 30, slowloris.
  fastify.server.headersTimeout = 10_000;
  const drain = drainConnections(fastify.server);
  await app.listen(config.port, config.host);
  return { origin: await app.getUrl(), stop: () => stop(app, drain) };
}

// What Fastify refuses before any route: its own answer would repeat the address, which may hold a link's secret.
function answerBadAddress(_: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const problem = new Problem('invalid-request', 'The address is not well formed.');
  const { status, headers, body } = renderProblemJson(problem, request.id);
  void reply.code(status).headers(headers).send(body);
}

/** Ends streams and refuses new connections, lets refreshes and answers finish, then closes everything. */
async function stop(app: NestFastifyApplication, drain: Drain): Promise<void> {
  await app.get(PostgresEventBus).stop();
  const refreshed = app
    .get(DueScan)
    .stop()
    .then(() => app.get(RefreshGrant).drain());
  // Answers may wait for a refresh.
  await drain.begin(refreshed.then(() => sleep(drainMs)));
  await Promise.all([refreshed, app.get(RefreshGrant).drain()]);
  await app.close();
}

async function main(): Promise<void> {
  const config = readVaultConfig(process.env);
  const logger = createLogger<VaultEvent>({ app: 'vault', level: config.logLevel });
  const registry = createMetrics('vault');
  const metrics = await startMetricsServer({ port: config.metricsPort, registry });
  const failed = (detail: string) => logger.warn({ event: 'tracing.failed', detail });
  const tracing = await openTracing({ app: 'vault', environment: process.env, failed });
  const vault = await startVault(config, logger, registry, tracing);
  logger.info({ event: 'vault.started', publicUrl: config.publicUrl, listening: vault.origin });
  stopOnSignal('vault', logger, () =>
    Promise.all([vault.stop(), metrics.close()]).finally(() => tracing?.close()),
  );
}

runAsProcess(import.meta.url, main);
