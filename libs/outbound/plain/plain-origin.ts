import type { Socket } from 'node:net';
import { type buildConnector, type Dispatcher } from 'undici';
import { outboundError } from '../outbound-error.js';
import { type Connections, PlainConnection } from './plain-connection.js';
import { PlainExchange } from './plain-exchange.js';
import { plainRequest } from './plain-request.js';

/** An origin whose answers are not plain is undici's for so long. */
const unusualForMs = 60_000;
const sweepMs = 1_000;
/** Of a connection that has not said how long it may wait. */
const unusedMs = 4_000;

export interface OriginOptions {
  readonly connect: buildConnector.connector;
  /** Whether one more connection may be opened, beside those that undici has. */
  readonly mayOpen: (open: number) => boolean;
}

/** Connections to one origin for requests that are plain, taken last in, first out. */
export class PlainOrigin implements Connections {
  readonly #all = new Set<PlainConnection>();
  readonly #free: PlainConnection[] = [];
  #opening = 0;
  #unusualUntilMs = 0;
  #sweep: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(
    private readonly url: URL,
    private readonly options: OriginOptions,
  ) {}

  get isUnused(): boolean {
    return this.#all.size + this.#opening === 0 && !this.#isUnusual();
  }

  /** How many carry something. */
  get busy(): number {
    return this.#all.size + this.#opening - this.#free.length;
  }

  /** False where it is not taken: undici's then. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (handler.onRequestStart === undefined || this.#isClosed) return false;
    if (this.#unusualUntilMs !== 0 && this.#isUnusual()) return false;
    const request = plainRequest(options, this.url.host);
    if (request === undefined) return false;
    const exchange = new PlainExchange(request, handler, options);
    const connection = this.#taken();
    if (connection !== undefined) this.#start(connection, exchange);
    else if (this.options.mayOpen(this.busy)) this.#open(exchange);
    else exchange.fail(outboundError('busy', this.url.origin));
    return true;
  }

  free(connection: PlainConnection, keptMs: number): void {
    connection.freeUntilMs = performance.now() + keptMs;
    this.#free.push(connection);
    this.#sweep ??= setInterval(() => this.#closeStale(), sweepMs).unref();
  }

  left(connection: PlainConnection): void {
    this.#all.delete(connection);
    const at = this.#free.indexOf(connection);
    if (at >= 0) this.#free.splice(at, 1);
  }

  wasUnusual(): void {
    this.#unusualUntilMs = performance.now() + unusualForMs;
  }

  destroy(): void {
    this.#isClosed = true;
    clearInterval(this.#sweep);
    for (const connection of this.#all) connection.destroy();
  }

  #isUnusual(): boolean {
    if (performance.now() < this.#unusualUntilMs) return true;
    this.#unusualUntilMs = 0;
    return false;
  }

  #taken(): PlainConnection | undefined {
    for (;;) {
      const connection = this.#free.pop();
      if (connection === undefined || performance.now() < connection.freeUntilMs) return connection;
      connection.destroy();
    }
  }

  #start(connection: PlainConnection, exchange: PlainExchange): void {
    exchange.handler.onRequestStart?.(exchange, undefined);
    // Its caller may have left while there was no connection.
    if (exchange.isOver) this.free(connection, unusedMs);
    else connection.send(exchange);
  }

  #open(exchange: PlainExchange): void {
    const { hostname, host, protocol, port } = this.url;
    this.#opening += 1;
    this.options.connect({ hostname, host, protocol, port }, (...[error, socket]) => {
      this.#opening -= 1;
      if (error !== null) return exchange.fail(error);
      const connection = this.#joined(socket);
      if (this.#isClosed) connection.destroy();
      this.#start(connection, exchange);
    });
  }

  #joined(socket: Socket): PlainConnection {
    const connection = new PlainConnection(socket, this);
    this.#all.add(connection);
    return connection;
  }

  /** Those that wait longest stand first. */
  #closeStale(): void {
    const nowMs = performance.now();
    for (const connection of this.#free.filter(({ freeUntilMs }) => freeUntilMs <= nowMs))
      connection.destroy();
    if (this.#free.length > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
