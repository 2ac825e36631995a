import { Counter, Gauge, type Registry } from 'prom-client';
import { type LoadShedding, shedReasons } from './load-shedding.js';

/** The metrics of load shedding, read when somebody asks for them. */
export function showLoad(load: LoadShedding, registry: Registry): void {
  const registers = [registry];
  new Counter({
    name: 'symbolon_shed_calls_total',
    help: 'Calls answered 503 before anything was looked at: the event loop was late, or too many were in flight.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      for (const reason of shedReasons) this.inc({ reason }, load.shed[reason]);
    },
  });
  new Gauge({
    name: 'symbolon_admitted_share',
    help: 'Share of the calls that may come in: 1 unless the event loop is late.',
    registers,
    aggregator: 'min',
    collect() {
      this.set(load.share);
    },
  });
  new Gauge({
    name: 'symbolon_calls_in_flight',
    help: 'Requests that are not answered to their end, open streams among them.',
    registers,
    collect() {
      this.set(load.inFlight);
    },
  });
}
