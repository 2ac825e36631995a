import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import type { Carrier, PlainExchange } from './plain-exchange.js';

/** What has come on a connection, and how long the rest of the head may take, in milliseconds. */
export interface Begun {
  readonly socket: Socket;
  readonly bytes: Buffer;
  readonly headersTimeout: number;
}

/**
 * Has undici read an answer from its first byte: `bytes`, and what follows on the socket. It believes that it sends the
 * request, which has been sent. The connection ends with this answer.
 */
export function answerAgain(
  exchange: PlainExchange,
  { socket, bytes, headersTimeout }: Begun,
  ended: () => void,
): void {
  const { options } = exchange;
  const said = new SaidAlready(socket, bytes, ended);
  const client = new Client(String(options.origin), {
    // Not at once, as no connection is; and before anything more is heard of the socket.
    connect: (_options, connected) => process.nextTick(() => said.connected(connected)),
  });
  client.dispatch({ ...options, headersTimeout }, new HeardByUndici(exchange));
  const end = (): void => void said.destroy(gone());
  client.close().then(end, end);
}

/** Tells whoever asked what undici hears, and undici what they want: the exchange stays their controller. */
class HeardByUndici implements Dispatcher.DispatchHandler, Carrier {
  #controller: Dispatcher.DispatchController | undefined;

  constructor(private readonly exchange: PlainExchange) {
    exchange.carrier = this;
  }

  abandon(): void {
    this.#controller?.abort(this.exchange.reason ?? new Error('nobody reads the answer'));
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.exchange.isOver) this.abandon();
    else if (this.exchange.paused) controller.pause();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusText?: string,
  ): void {
    const { exchange } = this;
    exchange.handler.onResponseStart?.(exchange, status, headers, statusText);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // Of a body that ends with its connection undici tells no bytes as well.
    if (chunk.length > 0) this.exchange.handler.onResponseData?.(this.exchange, chunk);
  }

  onResponseEnd(
    _controller: Dispatcher.DispatchController,
    trailers: Parameters<PlainExchange['end']>[0],
  ): void {
    this.exchange.end(trailers);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.exchange.fail(error);
  }
}

/**
 * A connection on which what is written has been written before. undici's parser fails, and with it the process, where it is
 * told of an end while it pauses: so the end waits until undici reads on, and a reset is no `ECONNRESET` to it.
 */
class SaidAlready extends Duplex {
  #bytes: Buffer | undefined;
  /** Nothing more comes than what has been pushed. */
  #isWhole = false;

  constructor(
    private readonly socket: Socket,
    bytes: Buffer,
    ended: () => void,
  ) {
    super();
    this.#bytes = bytes;
    // undici listens once it is connected.
    this.on('error', () => undefined);
    socket.pause();
    socket.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => {
      this.#isWhole = true;
      if (this.readableLength === 0) this.push(null);
    });
    socket.on('error', () => this.destroy(gone()));
    socket.on('close', () => {
      ended();
      // What came may still wait for its reader.
      if (!this.#isWhole) this.destroy(gone());
    });
  }

  override read(size?: number): unknown {
    const read: unknown = super.read(size);
    if (read === null && size === undefined && this.#isWhole) this.push(null);
    return read;
  }

  connected(callback: buildConnector.Callback): void {
    if (this.destroyed) callback(gone(), null);
    else callback(null, this as unknown as Socket);
  }

  override _read(): void {
    if (this.#bytes === undefined) this.socket.resume();
  }

  /** Only now may there be an answer. */
  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const bytes = this.#bytes;
    this.#bytes = undefined;
    if (bytes !== undefined && this.push(bytes)) this.socket.resume();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }

  /** As undici has it of a socket. */
  ref(): this {
    this.socket.ref();
    return this;
  }

  unref(): this {
    this.socket.unref();
    return this;
  }
}

/** As a connection that broke off is named by Node; undici would reconnect after an error of its own. */
function gone(): Error {
  return Object.assign(new Error('the connection is gone'), { code: 'EPIPE' });
}
