import { Counter, Gauge, type Registry } from 'prom-client';
import type { LimitName } from './limited.js';

/** What the gateway counts beside its process: by upstream, never by person. */
export class GatewayMetrics {
  readonly #limited: Counter<'upstream' | 'limit'>;
  readonly #circuits: Gauge<'upstream'>;

  constructor(registry: Registry) {
    this.#limited = new Counter({
      name: 'symbolon_limited_calls_total',
      help: 'Calls and streams refused by a limit of their upstream.',
      labelNames: ['upstream', 'limit'],
      registers: [registry],
    });
    this.#circuits = new Gauge({
      name: 'symbolon_upstream_circuit_open',
      help: '1 while calls to the upstream are held back because it does not answer.',
      labelNames: ['upstream'],
      // Of several processes that share a port: 1 where any of them holds calls back.
      aggregator: 'max',
      registers: [registry],
    });
  }

  limited(upstream: string, limit: LimitName): void {
    this.#limited.inc({ upstream, limit });
  }

  circuit(upstream: string, open: boolean): void {
    this.#circuits.set({ upstream }, open ? 1 : 0);
  }
}
