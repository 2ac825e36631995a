import type { Socket } from 'node:net';
import { LeanResponse, type Answering } from './lean-response.js';
import { longestWhole, other, readRequest, type Read, type WholeRequest } from './whole-request.js';
import { idleSeconds } from './written-head.js';

/** More pieces than this are nobody's usual request. */
const mostPieces = 64;
/** A head in more pieces would be read again and again. */
const mostOfHead = 16;

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
  /** What came and is not served, in the pieces it came in. */
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  /** Before there are so many, there is no use in reading them. */
  #needs = 0;
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
    return !this.#isNew && this.#response === undefined && this.#heldBytes === 0;
  }

  /**
   * Who has been waited for since the last time this was asked, for a first request or for the rest of one, is node:http's,
   * which has limits for that.
   */
  age(): void {
    if (this.#response !== undefined || this.isIdle) return;
    if (this.#hasAged) this.#handOver(this.#released());
    else this.#hasAged = true;
  }

  answered(keepAlive: boolean): void {
    if (!keepAlive || this.isLast) this.socket.destroySoon();
    // A turn of the event loop for each: nobody is served a thousand times before anybody else.
    else if (this.#heldBytes > 0) setImmediate(this.#next);
    else this.#response = undefined;
  }

  /** What came before the answer was here. */
  readonly #next = (): void => {
    this.#response = undefined;
    if (this.socket.destroyed) return;
    this.socket.resume();
    this.#take(this.#released());
  };

  readonly #read = (chunk: Buffer): void => {
    this.#pieces += 1;
    if (this.#heldBytes === 0 && this.#response === undefined) return this.#take(chunk);
    this.#hold(chunk);
    if (this.#response === undefined) {
      if (this.#heldBytes >= this.#needs || this.#pieces > mostPieces) this.#take(this.#released());
    }
    // Sent before the answer was here. It waits, and so does what follows.
    else if (this.#heldBytes > longestWhole) this.socket.pause();
  };

  #hold(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
  }

  #released(): Buffer {
    const [first = nothing] = this.#held;
    const all = this.#held.length > 1 ? Buffer.concat(this.#held) : first;
    this.#held.length = 0;
    this.#heldBytes = 0;
    this.#needs = 0;
    return all;
  }

  #take(bytes: Buffer): void {
    const read = this.#judged(bytes);
    if (read.kind === 'other') return this.#handOver(bytes);
    if (read.kind === 'partial') {
      this.#hold(bytes);
      this.#needs = read.needs;
      return;
    }
    this.#isNew = false;
    this.#pieces = 0;
    this.#hasAged = false;
    if (read.bytes < bytes.length) this.#hold(bytes.subarray(read.bytes));
    const response = new LeanResponse(this);
    this.#response = response;
    this.server.serve(read.request, response);
  }

  #judged(bytes: Buffer): Read {
    const read = readRequest(bytes, this.socket);
    if (read.kind === 'partial')
      return this.#pieces > (read.needs === 0 ? mostOfHead : mostPieces) ? other : read;
    return read.kind === 'whole' && !this.server.takes(read.request) ? other : read;
  }

  #handOver(bytes: Buffer): void {
    const { socket } = this;
    socket.off('data', this.#read).off('end', this.#ended).off('close', this.#closed);
    socket.off('error', ignored).off('timeout', this.#timeout).off('drain', this.#drained);
    socket.setTimeout(0);
    if (bytes.length > 0) socket.unshift(bytes);
    this.server.handOver(this, socket);
  }

  /** As node:http does: who has said all has heard all that there is. */
  readonly #ended = (): void => {
    this.#response?.turnEnded();
    this.socket.end();
  };

  readonly #closed = (): void => {
    this.server.left(this);
    this.#response?.closed();
  };

  readonly #timeout = (): void => {
    if (this.isIdle) this.socket.destroy();
  };

  readonly #drained = (): void => void this.#response?.emit('drain');
}

const nothing = Buffer.alloc(0);

function ignored(): void {}
