import type { Socket } from 'node:net';
import { errors } from 'undici';
import { answerAgain } from './answer-again.js';
import { ChunkedBody } from './chunked-body.js';
import { keptMs, type PlainAnswer, readAnswer } from './plain-answer.js';
import { asError, type Carrier, type PlainExchange } from './plain-exchange.js';

/** Up to this, head and body are copied together: that costs less than two buffers for the kernel. */
const copiedBytes = 16 * 1024;
/** A head in more pieces than this is nobody's usual one. */
const mostPieces = 16;

/** Whose connections they are. */
export interface Connections {
  /** This one may take the next request, for so long from now. */
  free(connection: PlainConnection, keptMs: number): void;
  /** It is of no more use; said again, it changes nothing. */
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
  /** When it was last given out, by the same clock. */
  takenAtMs = 0;
  /** What it is to carry as soon as it may. */
  next: PlainExchange | undefined;
  #exchange: PlainExchange | undefined;
  /** Of a head that is not whole. */
  #held: Buffer | undefined;
  #pieces = 0;
  #answer: PlainAnswer | undefined;
  #chunks: ChunkedBody | undefined;
  /** Bytes of the body that have not come. */
  #owed = 0;
  /** Came while its reader paused. */
  #kept: Buffer | undefined;
  #timeoutMs = 0;
  /** Of the head, where the request is not with the kernel at once. */
  #deadline: NodeJS.Timeout | undefined;

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
    // What goes out byte by byte is no silence of the socket; the answer has no longer for that.
    if (headersTimeout > 0 && socket.writableLength > 0)
      this.#deadline = setTimeout(this.#timedOut, headersTimeout);
  }

  /** Nobody is given it from here on: its end comes to be known later. */
  destroy(): void {
    this.connections.left(this);
    clearTimeout(this.#deadline);
    this.socket.destroy();
  }

  abandon(): void {
    this.#exchange = undefined;
    this.destroy();
  }

  /** Of no effect before there is a head: then it is asked again. */
  pause(): void {
    if (this.#answer === undefined) return;
    this.socket.pause();
    this.#limitPause(0);
  }

  resume(): void {
    if (this.#answer === undefined) return;
    const { bodyTimeout = 0 } = this.#exchange?.request ?? {};
    this.#limitPause(bodyTimeout);
    // Not from within whoever is hearing of what came before.
    if (this.#kept === undefined) this.socket.resume();
    else process.nextTick(readKept, this);
  }

  readKept(): void {
    const exchange = this.#exchange;
    const kept = this.#kept;
    if (exchange === undefined || kept === undefined || exchange.paused) return;
    this.#kept = undefined;
    this.#read(kept);
    if (!exchange.isOver && !exchange.paused) this.socket.resume();
  }

  readonly #read = (bytes: Buffer): void => {
    const exchange = this.#exchange;
    // Nobody asked: what it says must not become the next one's answer.
    if (exchange === undefined) return this.destroy();
    try {
      if (this.#answer === undefined) this.#readHead(bytes, exchange);
      else this.#readBody(bytes, exchange);
    } catch (error) {
      exchange.fail(asError(error));
    }
  };

  #readHead(bytes: Buffer, exchange: PlainExchange): void {
    const held = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]);
    const answer = readAnswer(held);
    this.#pieces += 1;
    if (answer.kind === 'partial' && this.#pieces <= mostPieces) {
      this.#held = held;
      return this.#limitHead(exchange);
    }
    if (this.#deadline !== undefined) clearTimeout(this.#deadline);
    if (answer.kind !== 'whole') return this.#handOver(exchange, held);
    this.#held = undefined;
    this.#pieces = 0;
    this.#answer = answer;
    const { framing } = answer;
    this.#chunks = framing === 'chunked' ? new ChunkedBody() : undefined;
    this.#owed = typeof framing === 'number' ? framing : 0;
    exchange.handler.onResponseStart?.(exchange, answer.status, answer.headers, answer.statusText);
    if (exchange.paused) this.pause();
    this.#readBody(held.subarray(answer.bytes), exchange);
    if (!exchange.isOver && !exchange.paused) this.#limitPause(exchange.request.bodyTimeout);
  }

  #readBody(bytes: Buffer, exchange: PlainExchange): void {
    if (exchange.isOver) return;
    const read = exchange.paused ? 0 : this.#readPart(bytes, exchange);
    if (exchange.isOver) return;
    if (exchange.paused) this.#kept = bytes.subarray(read);
    else if (this.#chunks?.isOver ?? this.#owed === 0)
      this.#complete(exchange, read === bytes.length);
  }

  /** How many bytes were read: to the end of the body, or to where its reader pauses. */
  #readPart(bytes: Buffer, exchange: PlainExchange): number {
    if (this.#chunks !== undefined)
      return this.#chunks.read(bytes, (chunk) => {
        if (!exchange.isOver) exchange.handler.onResponseData?.(exchange, chunk);
        return !exchange.paused;
      });
    const taken = Math.min(this.#owed, bytes.length);
    this.#owed -= taken;
    if (taken > 0)
      exchange.handler.onResponseData?.(
        exchange,
        taken === bytes.length ? bytes : bytes.subarray(0, taken),
      );
    return taken;
  }

  #complete(exchange: PlainExchange, isAll: boolean): void {
    const { socket } = this;
    const kept = this.#answer === undefined || !isAll ? 0 : keptMs(this.#answer.headers);
    this.#exchange = undefined;
    this.#answer = undefined;
    // An answer that came before the request was sent says nothing of what becomes of the rest.
    if (kept === 0 || socket.writableLength > 0) this.destroy();
    else {
      if (socket.isPaused()) socket.resume();
      this.connections.free(this, kept);
    }
    exchange.end({});
  }

  #handOver(exchange: PlainExchange, bytes: Buffer): void {
    const { socket } = this;
    socket.off('data', this.#read).off('end', this.#ended).off('error', this.#failed);
    socket.off('close', this.#closed).off('timeout', this.#timedOut);
    socket.setTimeout(0);
    this.#exchange = undefined;
    this.connections.wasUnusual();
    const headersTimeout = this.#leftForHead(exchange);
    answerAgain(exchange, { socket, bytes, headersTimeout }, () => this.connections.left(this));
  }

  /** A head in pieces has no longer than one that comes at once. */
  #limitHead(exchange: PlainExchange): void {
    if (exchange.request.headersTimeout !== 0) this.#limitPause(this.#leftForHead(exchange));
  }

  /** Milliseconds, at least one; 0: for ever. */
  #leftForHead({ request: { headersTimeout } }: PlainExchange): number {
    if (headersTimeout === 0) return 0;
    return Math.max(1, Math.ceil(this.takenAtMs + headersTimeout - performance.now()));
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
    this.destroy();
  };

  readonly #failed = (error: Error): void => {
    this.connections.left(this);
    this.#exchange?.fail(error);
  };

  readonly #closed = (): void => {
    this.destroy();
    this.#exchange?.fail(new errors.SocketError('closed'));
  };
}

/** One function for all connections. */
function readKept(connection: PlainConnection): void {
  connection.readKept();
}
