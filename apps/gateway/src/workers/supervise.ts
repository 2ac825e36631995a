import cluster from 'node:cluster';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Gauge, type Registry } from 'prom-client';
import { settledEnvironment } from '#lib/config/environment';
import { createLogger, standardOutput } from '#lib/observability/logger';
import { createMetrics, startMetricsServer } from '#lib/observability/metrics';
import { stopOnSignal } from '#lib/process/lifecycle';
import { gatewaySettings, type GatewayConfig } from '../config.js';
import type { GatewayEvent } from '../log-events.js';
import { ForkedWorker } from './forked-worker.js';
import { GatheredMetrics } from './gathered-metrics.js';
import { NoWorkerServes, Supervisor } from './supervisor.js';

/**
 * Runs the gateway as several processes that share its port. This one serves no call: it starts the others again,
 * passes their lines on, answers for the metrics of all, and ends with them.
 */
export async function supervise(
  config: GatewayConfig,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const output = standardOutput();
  const level = config.logLevel;
  const logger = createLogger<GatewayEvent>({ app: 'gateway', level, destination: output });
  const settings = settledEnvironment(gatewaySettings, environment);
  const secret = randomBytes(32).toString('base64url');
  cluster.setupPrimary({
    exec: fileURLToPath(new URL('./main.js', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const supervisor = new Supervisor({
    workers: config.workers,
    fork: (worker, othersServe) =>
      new ForkedWorker({ worker, othersServe, settings, secret }, output),
    logger,
    gone: (worker) => gathered.remember(worker),
  });
  const gathered = gatheredMetrics(supervisor);
  const metrics = await startMetricsServer({ port: config.metricsPort, registry: gathered });
  const end = (error: unknown): void => {
    logger.fatal({ event: 'gateway.failed', err: error });
    process.exit(error instanceof NoWorkerServes ? error.exitCode : 1);
  };
  try {
    await supervisor.start();
  } catch (error) {
    return end(error);
  }
  supervisor.failed.catch(end);
  const { publicUrl, workers } = config;
  logger.info({ event: 'gateway.started', publicUrl, workers });
  stopOnSignal('gateway', logger, () => supervisor.stop().finally(() => metrics.close()));
}

function gatheredMetrics(supervisor: Supervisor<ForkedWorker>): GatheredMetrics {
  const registry = createMetrics('gateway-supervisor');
  gauge(registry, 'symbolon_gateway_workers', 'Workers that serve.', () => supervisor.serving);
  const silent = gauge(
    registry,
    'symbolon_gateway_workers_silent',
    'Workers that did not tell their metrics in time; what they told before stands in for them.',
  );
  gauge(
    registry,
    'symbolon_gateway_worker_restarts',
    'Workers started in place of others since the gateway started.',
    () => supervisor.restarts,
  );
  return new GatheredMetrics({
    registry,
    workers: () => supervisor.current,
    silent: (workers) => silent.set(workers),
  });
}

function gauge(registry: Registry, name: string, help: string, now?: () => number): Gauge {
  return new Gauge({
    name,
    help,
    registers: [registry],
    ...(now === undefined
      ? {}
      : {
          collect() {
            this.set(now());
          },
        }),
  });
}
