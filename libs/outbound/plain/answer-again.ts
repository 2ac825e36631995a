import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type buildConnector, Client } from 'undici';
import type { PlainExchange } from './plain-exchange.js';

/**
 * Has undici read an answer from its first byte: `bytes`, and what follows on the socket. It believes that it sends the
 * request, which has been sent. The connection ends with this answer.
 */
export function answerAgain(
  { options, handler }: PlainExchange,
  socket: Socket,
  bytes: Buffer,
  ended: () => void,
): void {
  const said = new SaidAlready(socket, bytes, ended);
  const client = new Client(String(options.origin), {
    // As any connection, not before the next turn.
    connect: (_options, connected) => setImmediate(() => said.connected(connected)),
  });
  client.dispatch(options, handler);
  const end = (): void => void said.destroy();
  client.close().then(end, end);
}

/** A connection on which what is written has been written before. */
class SaidAlready extends Duplex {
  #bytes: Buffer | undefined;

  constructor(
    private readonly socket: Socket,
    bytes: Buffer,
    ended: () => void,
  ) {
    super();
    this.#bytes = bytes;
    socket.pause();
    socket.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => {
      ended();
      this.destroy();
    });
  }

  connected(callback: buildConnector.Callback): void {
    if (this.destroyed) callback(new Error('the connection is gone'), null);
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
