import { createLogger, standardOutput } from '#lib/observability/logger';
import { createMetrics, startMetricsServer } from '#lib/observability/metrics';
import { stopOnSignal } from '#lib/process/lifecycle';
import { openTracing, type TracingOptions } from '#lib/tracing/open-tracing';
import type { GatewayConfig } from './config.js';
import type { GatewayEvent } from './log-events.js';
import { startGateway } from './start-gateway.js';

/** The gateway as this process, until a signal ends it. Of `environment` it reads what OpenTelemetry names. */
export async function serve(
  config: GatewayConfig,
  environment: TracingOptions['environment'],
): Promise<void> {
  const destination = standardOutput();
  const logger = createLogger<GatewayEvent>({
    app: 'gateway',
    level: config.logLevel,
    destination,
  });
  const registry = createMetrics('gateway');
  const metrics = await startMetricsServer({ port: config.metricsPort, registry });
  const failed = (detail: string) => logger.warn({ event: 'tracing.failed', detail });
  const tracing = await openTracing({ app: 'gateway', environment, failed });
  const gateway = await startGateway(config, logger, destination, { registry, tracing });
  logger.info({ event: 'gateway.started', publicUrl: config.publicUrl, listening: gateway.origin });
  stopOnSignal('gateway', logger, () =>
    Promise.all([gateway.stop(), metrics.close()]).finally(() => tracing?.close()),
  );
}
