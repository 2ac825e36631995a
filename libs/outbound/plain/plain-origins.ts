import type { buildConnector, Dispatcher } from 'undici';
import type { BoundedPool } from '../bounded-pool.js';
import { PlainOrigin } from './plain-origin.js';

/** Origins beyond this that nobody uses are forgotten. */
const mostUnused = 1_000;

export interface PlainOriginsOptions {
  readonly connectorOf: (origin: URL) => buildConnector.connector;
  /** Open at once to one origin, with those of its pool. */
  readonly connections: number;
}

/** Plain requests by their origin; everything else is left to the pools of undici, which share one bound with them. */
export class PlainOrigins {
  readonly #origins = new Map<string, PlainOrigin>();
  readonly #pools = new Map<string, BoundedPool>();

  constructor(private readonly options: PlainOriginsOptions) {}

  /** False where it is not taken. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (handler.onRequestStart === undefined) return false;
    const origin = String(options.origin);
    return (this.#origins.get(origin) ?? this.#add(origin)).dispatch(options, handler);
  }

  /** How many are taken here. */
  busyAt(origin: string): number {
    return this.#origins.get(origin)?.busy ?? 0;
  }

  /** What undici has opened to that origin. */
  beside(pool: BoundedPool, origin: string): void {
    forget(this.#pools, ({ closed, destroyed }) => closed || destroyed);
    this.#pools.set(origin, pool);
  }

  destroy(): void {
    for (const one of this.#origins.values()) one.destroy();
  }

  #add(origin: string): PlainOrigin {
    forget(this.#origins, ({ isUnused }) => isUnused);
    const { connectorOf, connections } = this.options;
    const url = new URL(origin);
    const mayOpen = (open: number) => this.#pools.get(origin)?.mayOpen(open) ?? open < connections;
    const made = new PlainOrigin(url, { connect: connectorOf(url), mayOpen });
    this.#origins.set(origin, made);
    return made;
  }
}

function forget<One>(all: Map<string, One>, isUnused: (one: One) => boolean): void {
  if (all.size < mostUnused) return;
  for (const [origin, one] of all) if (isUnused(one)) all.delete(origin);
}
