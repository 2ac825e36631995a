import type { Registry } from 'prom-client';
import type { GatewayLogger } from '../log-events.js';
import {
  LoadShedding,
  type SheddingLimits,
  type ShedReason,
  shedReasons,
} from './load-shedding.js';
import { showLoad } from './show-load.js';

/** How often the event loop is looked at, by a timer that does next to nothing: nothing is measured per call. */
const lookMs = 20;
const lineMs = 1_000;

export interface WatchedLoad {
  readonly load: LoadShedding;
  readonly stop: () => void;
}

/** Load shedding by this process's own event loop, with its metrics and a line per second while calls are shed. */
export function watchLoad(
  limits: SheddingLimits,
  logger: GatewayLogger,
  registry: Registry,
): WatchedLoad {
  const load = new LoadShedding(limits);
  showLoad(load, registry);
  const lines = new ShedLines(load, logger);
  let lookedMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    load.observe(Math.max(0, nowMs - lookedMs - lookMs), nowMs);
    lookedMs = nowMs;
    lines.write(nowMs);
  }, lookMs).unref();
  return { load, stop: () => clearInterval(timer) };
}

/** What was shed, in one line a second at most: a line per call would be the load itself. */
export class ShedLines {
  #writtenMs = -Infinity;
  #told: Readonly<Record<ShedReason, number>> = { delay: 0, calls: 0 };

  constructor(
    private readonly load: LoadShedding,
    private readonly logger: Pick<GatewayLogger, 'warn'>,
  ) {}

  write(nowMs: number): void {
    if (nowMs - this.#writtenMs < lineMs) return;
    const { shed, inFlight, share, delayMs } = this.load;
    const untold = shedReasons.filter((reason) => shed[reason] > this.#told[reason]);
    if (untold.length === 0) return;
    const counts = Object.fromEntries(untold.map((one) => [one, shed[one] - this.#told[one]]));
    this.logger.warn({
      event: 'calls.shed',
      ...{ shed: counts, inFlight, admittedShare: share, delayMs: Math.round(delayMs) },
    });
    this.#told = { ...shed };
    this.#writtenMs = nowMs;
  }
}
