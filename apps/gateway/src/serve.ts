import { createLogger, standardOutput } from '#lib/observability/logger';
import { createMetrics, startMetricsServer } from '#lib/observability/metrics';
import { stopOnSignal } from '#lib/process/lifecycle';
import type { GatewayConfig } from './config.js';
import type { GatewayEvent } from './log-events.js';
import { startGateway } from './start-gateway.js';

/** The gateway as this process, until a signal ends it. */
export async function serve(config: GatewayConfig): Promise<void> {
  const destination = standardOutput();
  const logger = createLogger<GatewayEvent>({
    app: 'gateway',
    level: config.logLevel,
    destination,
  });
  const registry = createMetrics('gateway');
  const metrics = await startMetricsServer({ port: config.metricsPort, registry });
  const gateway = await startGateway(config, logger, destination, { registry });
  logger.info({ event: 'gateway.started', publicUrl: config.publicUrl, listening: gateway.origin });
  stopOnSignal('gateway', logger, () => Promise.all([gateway.stop(), metrics.close()]));
}
