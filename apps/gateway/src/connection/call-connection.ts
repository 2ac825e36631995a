import type { Socket } from 'node:net';
import { idleSeconds, LeanResponse, type Answering } from './lean-response.js';
import { longestWhole, other, readRequest, type Read, type WholeRequest } from './whole-request.js';

/** More pieces than this are nobody's usual request, and would be read again and again. */
const mostPieces = 16;

/** What a connection is served by. */
export interface Server {
  /** Whether this request is a call, and may be answered here. */
  readonly takes: (request: WholeRequest) => boolean;
  readonly serve: (request: WholeRequest, response: LeanResponse) => void;
  /** Has node:http serve the connection from its next byte on, for good. */
  readonly handOver: (connection: CallConnection, socket: Socket) => void;
  /** It is gone. */
  readonly left: (connection: CallConnection) => void;
}

/**
 * A connection as long as plain requests come on it whole, one after the other. The first that is anything else, and all
 * that follows, is node:http's.
 */
export class CallConnection implements Answering {
  isLast = false;
  #held: Buffer | undefined;
  #pieces = 0;
  #isNew = true;
  #response: LeanResponse | undefined;
  #hasAged = false;

  constructor(
    readonly socket: Socket,
    private readonly server: Server,
  ) {
    // Longer than clients are told: theirs may still be on its way then.
    socket.setTimeout(idleSeconds * 1000 + 1000);
    socket.on('data', this.#read);
    socket.on('end', this.#ended);
    socket.on('close', this.#closed);
    socket.on('error', ignored);
    socket.on('timeout', this.#timeout);
    socket.on('drain', this.#drained);
  }

  /** It waits for the next request; the first one was there. */
  get isIdle(): boolean {
    return !this.#isNew && this.#response === undefined && this.#held === undefined;
  }

  /**
   * Who has been waited for since the last time this was asked, for a first request or for the rest of one, is node:http's,
   * which has limits for that.
   */
  age(): void {
    if (this.#response !== undefined || this.isIdle) return;
    if (this.#hasAged) this.#handOver(this.#held);
    else this.#hasAged = true;
  }

  answered(keepAlive: boolean): void {
    if (!keepAlive || this.isLast) this.socket.destroySoon();
    // A turn of the event loop for each: nobody is served a thousand times before anybody else.
    else if (this.#held !== undefined) setImmediate(this.#next);
    else this.#response = undefined;
  }

  /** What came before the answer was here. */
  readonly #next = (): void => {
    const held = this.#held;
    this.#response = undefined;
    this.#held = undefined;
    if (held === undefined || this.socket.destroyed) return;
    this.socket.resume();
    this.#take(held);
  };

  readonly #read = (chunk: Buffer): void => {
    const held = this.#held;
    this.#pieces += 1;
    if (held === undefined && this.#response === undefined) return this.#take(chunk);
    const bytes = held === undefined ? chunk : Buffer.concat([held, chunk]);
    if (this.#response === undefined) return this.#take(bytes);
    // Sent before the answer was here. It waits, and so does what follows.
    this.#held = bytes;
    if (bytes.length > longestWhole) this.socket.pause();
  };

  #take(bytes: Buffer): void {
    const read = this.#judged(bytes);
    if (read.kind === 'other') return this.#handOver(bytes);
    if (read.kind === 'partial') {
      this.#held = bytes;
      return;
    }
    this.#isNew = false;
    this.#pieces = 0;
    this.#hasAged = false;
    this.#held = read.bytes < bytes.length ? bytes.subarray(read.bytes) : undefined;
    const response = new LeanResponse(this);
    this.#response = response;
    this.server.serve(read.request, response);
  }

  #judged(bytes: Buffer): Read {
    const read = readRequest(bytes, this.socket);
    if (read.kind === 'partial') return this.#pieces > mostPieces ? other : read;
    return read.kind === 'whole' && !this.server.takes(read.request) ? other : read;
  }

  #handOver(bytes: Buffer | undefined): void {
    const { socket } = this;
    socket.off('data', this.#read).off('end', this.#ended).off('close', this.#closed);
    socket.off('error', ignored).off('timeout', this.#timeout).off('drain', this.#drained);
    socket.setTimeout(0);
    if (bytes !== undefined) socket.unshift(bytes);
    this.server.handOver(this, socket);
  }

  /** As node:http does: who has said all has heard all. */
  readonly #ended = (): void => void this.socket.end();

  readonly #closed = (): void => {
    this.server.left(this);
    this.#response?.closed();
  };

  readonly #timeout = (): void => {
    if (this.isIdle) this.socket.destroy();
  };

  readonly #drained = (): void => void this.#response?.emit('drain');
}

function ignored(): void {}
