import type { Socket } from 'node:net';
import { errors } from 'undici';
import { answerAgain } from './answer-again.js';
import { ChunkedBody } from './chunked-body.js';
import { keptMs, type PlainAnswer, readAnswer } from './plain-answer.js';
import type { Carrier, PlainExchange } from './plain-exchange.js';

/** Up to this, head and body are copied together: that costs less than two buffers for the kernel. */
const copiedBytes = 16 * 1024;
/** A head in more pieces than this is nobody's usual one. */
const mostPieces = 16;

/** Whose connections they are. */
export interface Connections {
  /** This one may take the next request, for so long from now. */
  free(connection: PlainConnection, keptMs: number): void;
  /** It is gone, or undici's. */
  left(connection: PlainConnection): void;
  /** An answer was not plain. */
  wasUnusual(): void;
}

/**
 * A connection to an origin, one exchange after the other, as long as its answers are plain: the head is read here, a body by
 * its length or in chunks goes on as it comes. An answer that is anything else is undici's, and so is the connection then.
 */
export class PlainConnection implements Carrier {
  /** When it may no longer be used, in milliseconds of the monotonic clock. */
  freeUntilMs = 0;
  #exchange: PlainExchange | undefined;
  /** Of a head that is not whole. */
  #held: Buffer | undefined;
  #pieces = 0;
  #answer: PlainAnswer | undefined;
  #chunks: ChunkedBody | undefined;
  /** Bytes of the body that have not come. */
  #owed = 0;
  #timeoutMs = 0;

  constructor(
    private readonly socket: Socket,
    private readonly connections: Connections,
  ) {
    socket.on('data', this.#read);
    socket.on('end', this.#ended);
    socket.on('error', this.#failed);
    socket.on('close', this.#closed);
    socket.on('timeout', this.#timedOut);
  }

  send(exchange: PlainExchange): void {
    const { head, body, headersTimeout } = exchange.request;
    this.#exchange = exchange;
    exchange.carrier = this;
    this.#limitPause(headersTimeout);
    const { socket } = this;
    if (body.length === 0) return void socket.write(head, 'latin1');
    if (body.length <= copiedBytes) {
      const both = Buffer.allocUnsafe(head.length + body.length);
      both.write(head, 0, 'latin1');
      both.set(body, head.length);
      return void socket.write(both);
    }
    socket.cork();
    socket.write(head, 'latin1');
    socket.write(body);
    socket.uncork();
  }

  destroy(): void {
    this.socket.destroy();
  }

  abandon(): void {
    this.#exchange = undefined;
    this.socket.destroy();
  }

  pause(): void {
    this.socket.pause();
    this.#limitPause(0);
  }

  resume(): void {
    const { bodyTimeout = 0 } = this.#exchange?.request ?? {};
    this.#limitPause(bodyTimeout);
    this.socket.resume();
  }

  readonly #read = (bytes: Buffer): void => {
    const exchange = this.#exchange;
    // Nobody asked: what it says must not become the next one's answer.
    if (exchange === undefined) return void this.socket.destroy();
    try {
      if (this.#answer === undefined) this.#readHead(bytes, exchange);
      else this.#readBody(bytes, exchange);
    } catch (error) {
      exchange.fail(error instanceof Error ? error : new Error('an answer was not taken'));
    }
  };

  #readHead(bytes: Buffer, exchange: PlainExchange): void {
    const held = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]);
    const answer = readAnswer(held);
    this.#pieces += 1;
    if (answer.kind === 'partial' && this.#pieces <= mostPieces) {
      this.#held = held;
      return;
    }
    if (answer.kind !== 'whole') return this.#handOver(exchange, held);
    this.#held = undefined;
    this.#pieces = 0;
    this.#answer = answer;
    const { framing } = answer;
    this.#chunks = framing === 'chunked' ? new ChunkedBody() : undefined;
    this.#owed = typeof framing === 'number' ? framing : 0;
    exchange.handler.onResponseStart?.(exchange, answer.status, answer.headers, answer.statusText);
    this.#readBody(held.subarray(answer.bytes), exchange);
    if (!exchange.isOver && !exchange.paused) this.#limitPause(exchange.request.bodyTimeout);
  }

  #readBody(bytes: Buffer, exchange: PlainExchange): void {
    if (exchange.isOver) return;
    const end =
      this.#chunks === undefined
        ? this.#readOwed(bytes, exchange)
        : this.#chunks.read(bytes, (chunk) => give(exchange, chunk));
    if (end !== undefined && !exchange.isOver) this.#complete(exchange, end === bytes.length);
  }

  /** How many bytes belonged to the body where it ends with them. */
  #readOwed(bytes: Buffer, exchange: PlainExchange): number | undefined {
    const taken = Math.min(this.#owed, bytes.length);
    this.#owed -= taken;
    if (taken > 0) give(exchange, taken === bytes.length ? bytes : bytes.subarray(0, taken));
    return this.#owed === 0 ? taken : undefined;
  }

  #complete(exchange: PlainExchange, isAll: boolean): void {
    const { socket } = this;
    const kept = this.#answer === undefined || !isAll ? 0 : keptMs(this.#answer.headers);
    this.#exchange = undefined;
    this.#answer = undefined;
    exchange.carrier = undefined;
    // An answer that came before the request was sent says nothing of what becomes of the rest.
    if (kept === 0 || socket.writableLength > 0) socket.destroy();
    else {
      if (socket.isPaused()) socket.resume();
      this.connections.free(this, kept);
    }
    exchange.handler.onResponseEnd?.(exchange, {});
    exchange.isOver = true;
  }

  #handOver(exchange: PlainExchange, bytes: Buffer): void {
    const { socket } = this;
    socket.off('data', this.#read).off('end', this.#ended).off('error', this.#failed);
    socket.off('close', this.#closed).off('timeout', this.#timedOut);
    socket.setTimeout(0);
    this.#exchange = undefined;
    this.connections.wasUnusual();
    answerAgain(exchange, socket, bytes, () => this.connections.left(this));
  }

  /** For how long nothing may come or go; 0: for ever. */
  #limitPause(ms: number): void {
    if (ms === this.#timeoutMs) return;
    this.#timeoutMs = ms;
    this.socket.setTimeout(ms);
  }

  readonly #timedOut = (): void => {
    if (this.#answer === undefined) this.#exchange?.fail(new errors.HeadersTimeoutError());
    else this.#exchange?.fail(new errors.BodyTimeoutError());
  };

  readonly #ended = (): void => {
    this.#exchange?.fail(new errors.SocketError('other side closed'));
    this.socket.destroy();
  };

  readonly #failed = (error: Error): void => this.#exchange?.fail(error);

  readonly #closed = (): void => {
    this.connections.left(this);
    this.#exchange?.fail(new errors.SocketError('closed'));
  };
}

function give(exchange: PlainExchange, chunk: Buffer): void {
  if (!exchange.isOver) exchange.handler.onResponseData?.(exchange, chunk);
}
