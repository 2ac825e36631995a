import { Counter, type Registry } from 'prom-client';
import type { LogEntry } from '#lib/observability/logger';
import type { GatewayEvent, GatewayLogger } from '../log-events.js';

/** Lines in a second, per code; what is beyond is counted. */
const linesPerSecond = 20;
const secondMs = 1_000;

interface Second {
  lines: number;
  omitted: number;
}

/**
 * The logger of the routes: of `caller.refused` it writes the first 20 lines in a second per code, then one that says how
 * many were left out. Whoever sends bad tokens must not fill a disk. All are counted.
 */
export function fewRefusalLines(logger: GatewayLogger, registry: Registry): GatewayLogger {
  const refused = new Counter({
    name: 'symbolon_refused_callers_total',
    help: 'Calls refused for their token, by the code of the answer.',
    labelNames: ['code'],
    registers: [registry],
  });
  const lines = new RefusalLines(logger);
  const info = (entry: LogEntry<GatewayEvent>): void => {
    if (entry.event !== 'caller.refused') return logger.info(entry);
    const code = String(entry['code']);
    refused.inc({ code });
    lines.write(code, entry);
  };
  return { ...logger, info };
}

export class RefusalLines {
  readonly #second = new Map<string, Second>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly logger: Pick<GatewayLogger, 'info'>) {}

  write(code: string, entry: LogEntry<GatewayEvent>): void {
    const second = this.#of(code);
    if (second.lines < linesPerSecond) {
      second.lines += 1;
      this.logger.info(entry);
    } else second.omitted += 1;
    this.#timer ??= setTimeout(() => this.endSecond(), secondMs).unref();
  }

  endSecond(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [code, { omitted }] of this.#second)
      if (omitted > 0) this.logger.info({ event: 'caller.refusals_omitted', code, omitted });
    this.#second.clear();
  }

  /** By codes of the catalogue, which are few. */
  #of(code: string): Second {
    const known = this.#second.get(code) ?? { lines: 0, omitted: 0 };
    this.#second.set(code, known);
    return known;
  }
}
