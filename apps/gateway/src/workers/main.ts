import { readGatewayConfig } from '../config.js';
import type { GatewayEvent } from '../log-events.js';
import { startGateway } from '../start-gateway.js';
import { createLogger, standardOutput } from '#lib/observability/logger';
import { createMetrics } from '#lib/observability/metrics';
import { runAsProcess, stopOnSignal } from '#lib/process/lifecycle';
import { openTracing } from '#lib/tracing/open-tracing';
import { measuredOf } from './gathered-metrics.js';
import type { FromWorker, ToWorker } from './messages.js';
import { numberedLines } from './numbered-lines.js';
import { SessionDoor } from './session-door.js';

type Start = Extract<ToWorker, { kind: 'start' }>;

/** One of the gateway's workers; it ends with its supervisor, because node:cluster ends whose channel closes. */
async function main(): Promise<void> {
  const { settings, ...place } = await told();
  const config = readGatewayConfig(settings);
  const door = new SessionDoor({ ...place, workers: config.workers });
  const registry = createMetrics('gateway');
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'doors') door.know(message.doors);
    if (message.kind !== 'measure') return;
    const { id } = message;
    void measuredOf(registry).then((metrics) => tell({ kind: 'measured', id, metrics }));
  });
  const destination = numberedLines(standardOutput(), place.worker);
  const { logLevel: level } = config;
  const logger = createLogger<GatewayEvent>({ app: 'gateway', level, destination });
  const port = await door.open();
  const failed = (detail: string) => logger.warn({ event: 'tracing.failed', detail });
  const tracing = await openTracing({ app: 'gateway', environment: process.env, failed });
  const gateway = await startGateway(config, logger, destination, { registry, door, tracing });
  stopOnSignal('gateway', logger, () => gateway.stop().finally(() => tracing?.close()));
  tell({ kind: 'ready', door: port });
}

/** What it is to do. Whoever asks it for something before that asks too early. */
function told(): Promise<Start> {
  return new Promise((resolve) => {
    const hear = (message: ToWorker): void => {
      if (message.kind !== 'start') return;
      process.off('message', hear);
      resolve(message);
    };
    process.on('message', hear);
    tell({ kind: 'here' });
  });
}

function tell(message: FromWorker): void {
  process.send?.(message);
}

runAsProcess(import.meta.url, main);
