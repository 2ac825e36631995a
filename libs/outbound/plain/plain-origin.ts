import type { Socket } from 'node:net';
import { type buildConnector, type Dispatcher, errors } from 'undici';
import { bareHost } from '../address-rules.js';
import { outboundError } from '../outbound-error.js';
import { type Connections, PlainConnection } from './plain-connection.js';
import { asError, PlainExchange } from './plain-exchange.js';
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
  readonly #opening = new Set<PlainExchange>();
  /** Taken in this turn of the event loop. */
  readonly #starting: PlainConnection[] = [];
  #unusualUntilMs = 0;
  #sweep: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(
    private readonly url: URL,
    private readonly options: OriginOptions,
  ) {}

  get isUnused(): boolean {
    return this.#all.size + this.#opening.size === 0 && !this.#isUnusual();
  }

  /** How many carry something. */
  get busy(): number {
    return this.#all.size + this.#opening.size - this.#free.length;
  }

  /** False where it is not taken: undici's then. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (handler.onRequestStart === undefined || this.#isClosed) return false;
    if (this.#unusualUntilMs !== 0 && this.#isUnusual()) return false;
    const request = plainRequest(options, this.url.host);
    if (request === undefined) return false;
    this.#carry(new PlainExchange(request, handler, options));
    return true;
  }

  free(connection: PlainConnection, keptMs: number): void {
    connection.freeUntilMs = performance.now() + keptMs;
    this.#putBack(connection);
  }

  left(connection: PlainConnection): void {
    if (!this.#all.delete(connection)) return;
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
    const opening = [...this.#opening];
    this.#opening.clear();
    for (const exchange of opening) exchange.fail(new errors.ClientDestroyedError());
  }

  #isUnusual(): boolean {
    if (performance.now() < this.#unusualUntilMs) return true;
    this.#unusualUntilMs = 0;
    return false;
  }

  #carry(exchange: PlainExchange): void {
    const connection = this.#taken();
    if (connection !== undefined) this.#startSoon(connection, exchange);
    else if (this.options.mayOpen(this.busy)) this.#open(exchange);
    else exchange.fail(outboundError('busy', this.url.origin));
  }

  #taken(): PlainConnection | undefined {
    for (;;) {
      const connection = this.#free.pop();
      if (connection === undefined) return undefined;
      const nowMs = performance.now();
      connection.takenAtMs = nowMs;
      if (nowMs < connection.freeUntilMs) return connection;
      connection.destroy();
    }
  }

  #putBack(connection: PlainConnection): void {
    this.#free.push(connection);
    this.#sweep ??= setInterval(() => this.#closeStale(), sweepMs).unref();
  }

  /** Not before what came on it unasked has been seen: it would be taken for the answer. */
  #startSoon(connection: PlainConnection, exchange: PlainExchange): void {
    if (this.#starting.length === 0) setImmediate(this.#startAll);
    connection.next = exchange;
    this.#starting.push(connection);
  }

  readonly #startAll = (): void => {
    for (const connection of this.#starting.splice(0)) {
      const { next } = connection;
      connection.next = undefined;
      if (next === undefined) continue;
      if (this.#all.has(connection)) this.#start(connection, next);
      else if (this.#isClosed) next.fail(new errors.ClientDestroyedError());
      else this.#carry(next);
    }
  };

  #start(connection: PlainConnection, exchange: PlainExchange): void {
    exchange.start();
    // Its caller may have left while there was no connection.
    if (exchange.isOver) this.#putBack(connection);
    else connection.send(exchange);
  }

  #open(exchange: PlainExchange): void {
    const { host, protocol, port } = this.url;
    const hostname = bareHost(this.url);
    this.#opening.add(exchange);
    try {
      this.options.connect({ hostname, host, protocol, port }, (...[error, socket]) => {
        if (!this.#opening.delete(exchange)) socket?.destroy();
        else if (error === null) this.#start(this.#joined(socket), exchange);
        else exchange.fail(error);
      });
    } catch (error) {
      this.#opening.delete(exchange);
      exchange.fail(asError(error));
    }
  }

  #joined(socket: Socket): PlainConnection {
    const connection = new PlainConnection(socket, this);
    connection.takenAtMs = performance.now();
    connection.freeUntilMs = connection.takenAtMs + unusedMs;
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
