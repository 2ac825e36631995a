import { EventEmitter } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { CallResponse } from './exchange.js';
import { WrittenHead } from './written-head.js';

/** Up to this, what is to be sent together is copied together: that costs less than two buffers for the kernel. */
const copiedBytes = 16 * 1024;
const lastChunk = '0\r\n\r\n';

/** Whose answer it is, and what comes after it. */
export interface Answering {
  readonly socket: Socket;
  /** Whether the connection ends with this answer, whatever its head says. */
  readonly isLast: boolean;
  /** The answer is with the kernel. */
  answered(keepAlive: boolean): void;
}

/**
 * The answer to one request on a connection of HTTP/1.1, for those who know what they say: framed by the Content-Length of
 * its head, else in chunks (RFC 9112 §6 and §7.1). It is no stream with buffers of its own: what is written is written to
 * the socket, the head with the first of it.
 */
export class LeanResponse extends EventEmitter implements CallResponse {
  statusCode = 200;
  headersSent = false;
  destroyed = false;
  writableEnded = false;
  writableFinished = false;
  readonly writable = true;
  /** Waits for the first bytes of the body. */
  #head = '';
  #framing: 'length' | 'chunks' | 'none' = 'length';
  /** Bytes that its Content-Length has promised and that are not written. */
  #owed = 0;
  #keepAlive = true;
  #set: OutgoingHttpHeaders | undefined;
  /** The whole body, until it is sent at the end of this turn. */
  #whole: Buffer | undefined;
  #isCorked = false;

  constructor(private readonly answering: Answering) {
    super();
  }

  get writableNeedDrain(): boolean {
    return this.answering.socket.writableNeedDrain;
  }

  get writableLength(): number {
    const waiting = this.#head.length + (this.#whole?.length ?? 0);
    return waiting + this.answering.socket.writableLength;
  }

  setHeader(header: string, value: string): this {
    (this.#set ??= {})[header] = value;
    return this;
  }

  writeHead(status: number, headers: OutgoingHttpHeaders | string[] = {}): this {
    if (this.headersSent) throw new Error('the head of this answer has been written');
    const head = new WrittenHead(status);
    if (this.#set !== undefined) head.addAll(this.#set);
    head.addAll(headers);
    // Only now: whoever gave a header that is not lawful can still say that it went wrong.
    this.statusCode = status;
    this.headersSent = true;
    const isBodiless = status === 204 || status === 304;
    this.#framing = isBodiless ? 'none' : head.length === undefined ? 'chunks' : 'length';
    this.#owed = head.length ?? 0;
    this.#keepAlive = !head.closes && !this.answering.isLast;
    this.#head = head.end(this.#framing, this.#keepAlive);
    return this;
  }

  flushHeaders(): void {
    if (!this.headersSent) this.writeHead(this.statusCode);
    if (this.#head === '' || this.#whole !== undefined || this.destroyed) return;
    this.answering.socket.write(this.#takeHead(), 'latin1');
  }

  write(chunk: Uint8Array | string): boolean {
    if (this.writableEnded || this.destroyed) return false;
    if (!this.headersSent) this.writeHead(this.statusCode);
    if (this.#framing === 'none' || chunk.length === 0) return true;
    const bytes = bufferOf(chunk);
    if (this.#framing === 'length') return this.#sendOwed(bytes);
    this.#corkThisTurn();
    const { socket } = this.answering;
    socket.write(`${this.#takeHead()}${bytes.length.toString(16)}\r\n`, 'latin1');
    socket.write(bytes);
    return socket.write('\r\n', 'latin1');
  }

  end(chunk?: unknown): this {
    if (this.writableEnded) return this;
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) this.#last(chunk);
    else if (!this.headersSent) this.#last('');
    if (this.destroyed) return this;
    this.writableEnded = true;
    if (this.#whole !== undefined) return this;
    if (this.#framing === 'chunks')
      this.answering.socket.write(this.#takeHead() + lastChunk, 'latin1');
    else if (this.#head !== '') this.answering.socket.write(this.#takeHead(), 'latin1');
    // Of a body that is too short only the connection's end tells the client: it would wait, or take the next answer for it.
    if (this.#framing === 'length' && this.#owed !== 0) this.#keepAlive = false;
    this.#finishOnceSent();
    return this;
  }

  /** The whole body, whose length is told where nothing has been. */
  #last(chunk: Uint8Array | string): void {
    if (!this.headersSent) {
      const length = typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length;
      this.writeHead(this.statusCode, { 'content-length': length });
    }
    this.write(chunk);
  }

  cork(): void {
    this.answering.socket.cork();
  }

  uncork(): void {
    this.answering.socket.uncork();
  }

  destroy(): this {
    // After the last byte the connection is the next answer's.
    if (this.destroyed) return this;
    this.destroyed = true;
    this.answering.socket.destroy();
    return this;
  }

  /** The connection is gone; after a whole answer that says nothing new. */
  closed(): void {
    if (this.writableFinished) return;
    this.destroyed = true;
    this.emit('close');
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = '';
    return head;
  }

  /** Never more than was promised: the client would take it for the next answer. */
  #sendOwed(bytes: Buffer): boolean {
    this.#owed -= bytes.length;
    if (this.#owed === 0 && this.#head !== '') return this.#sendSoon(bytes);
    if (this.#owed >= 0) return this.#send(bytes);
    this.destroy();
    return false;
  }

  #sendSoon(bytes: Buffer): boolean {
    this.#whole = bytes;
    atTurnsEnd(this);
    return true;
  }

  #send(bytes: Buffer): boolean {
    const { socket } = this.answering;
    const head = this.#takeHead();
    if (head === '') return socket.write(bytes);
    if (bytes.length <= copiedBytes) {
      const both = Buffer.allocUnsafe(head.length + bytes.length);
      both.write(head, 0, 'latin1');
      bytes.copy(both, head.length);
      return socket.write(both);
    }
    socket.cork();
    socket.write(head, 'latin1');
    const wantsMore = socket.write(bytes);
    socket.uncork();
    return wantsMore;
  }

  /** What is written in one turn is sent as one packet. */
  #corkThisTurn(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.answering.socket.cork();
    atTurnsEnd(this);
  }

  turnEnded(): void {
    if (this.#isCorked) {
      this.#isCorked = false;
      this.answering.socket.uncork();
    }
    const whole = this.#whole;
    this.#whole = undefined;
    // Nobody hears it any more: `closed` tells of that.
    if (whole === undefined || this.destroyed || !this.answering.socket.writable) return;
    this.#send(whole);
    if (this.writableEnded) this.#finishOnceSent();
  }

  #finishOnceSent(): void {
    const { socket } = this.answering;
    if (socket.writableLength === 0) process.nextTick(finished, this);
    else
      socket.write(nothing, (error) => {
        // `closed` tells of a client that left with some of it unsent.
        if (!error) this.finished();
      });
  }

  finished(): void {
    if (this.destroyed) return;
    this.writableFinished = true;
    this.destroyed = true;
    this.emit('finish');
    this.emit('close');
    this.answering.answered(this.#keepAlive);
  }
}

const nothing = Buffer.alloc(0);

/**
 * What is sent in one turn of the event loop goes out at its end, one answer after the other: to wake whoever waits for one
 * costs the kernel more than to send it, and those who are awake need no waking.
 */
const inTurn: LeanResponse[] = [];

function atTurnsEnd(response: LeanResponse): void {
  if (inTurn.length === 0) setImmediate(turnEnded);
  inTurn.push(response);
}

function turnEnded(): void {
  for (const response of inTurn.splice(0)) response.turnEnded();
}

/** One function for all answers. */
function finished(response: LeanResponse): void {
  response.finished();
}

function bufferOf(chunk: Uint8Array | string): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
}
