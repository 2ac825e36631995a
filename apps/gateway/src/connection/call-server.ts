import { Server, type IncomingMessage, type ServerOptions, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { CallConnection } from './call-connection.js';
import type { LeanResponse } from './lean-response.js';
import type { WholeRequest } from './whole-request.js';

/** A request of which the rest does not come is given to node:http within twice this. */
const usualAgingMs = 2_000;

export interface Calls {
  /** Whether a request is a call, which is answered without node:http. */
  takes(request: WholeRequest): boolean;
  serve(request: WholeRequest, response: LeanResponse): unknown;
}

/**
 * A server of node:http that leaves connections alone as long as only plain calls come on them. Those are read and answered
 * without the streams that node:http makes of every request and answer: they cost more than all that a gateway does for a
 * call.
 */
export class CallServer extends Server {
  readonly #calls: Calls;
  readonly #open = new Set<CallConnection>();
  #isClosing = false;

  constructor(
    options: ServerOptions & { readonly agingMs?: number },
    listener: (request: IncomingMessage, response: ServerResponse) => void,
    calls: Calls,
  ) {
    super(options, (request, response) => {
      if (response.socket === null) closesWith(request.socket, response);
      listener(request, response);
    });
    this.#calls = calls;
    const attached = this.listeners('connection') as ((socket: Socket) => void)[];
    this.removeAllListeners('connection');
    this.on('connection', (socket: Socket) =>
      this.#accept(socket, () => {
        for (const attach of attached) attach.call(this, socket);
      }),
    );
    const timer = setInterval(() => this.#age(), options.agingMs ?? usualAgingMs).unref();
    this.once('close', () => clearInterval(timer));
  }

  /** R6: each call that is answered from now on ends its connection. */
  override close(closed?: (error?: Error) => void): this {
    this.#isClosing = true;
    for (const connection of this.#open) connection.isLast = true;
    return super.close(closed);
  }

  override closeIdleConnections(): void {
    super.closeIdleConnections();
    for (const { isIdle, socket } of this.#open) if (isIdle) socket.destroy();
  }

  override closeAllConnections(): void {
    super.closeAllConnections();
    for (const { socket } of this.#open) socket.destroy();
  }

  #accept(socket: Socket, attach: () => void): void {
    const connection = new CallConnection(socket, {
      takes: (request) => this.#calls.takes(request),
      serve: (request, response) => this.#calls.serve(request, response),
      handOver: (left) => {
        this.#open.delete(left);
        attach();
      },
      left: (gone) => this.#open.delete(gone),
    });
    connection.isLast = this.#isClosing;
    this.#open.add(connection);
  }

  #age(): void {
    for (const connection of this.#open) connection.age();
  }
}

/**
 * Row 30: an answer that waits for earlier ones of its connection has no socket yet, and node:http forgets it where the
 * client leaves. Whoever counts what is open would count it for ever.
 */
function closesWith(socket: Socket, response: ServerResponse): void {
  socket.once('close', () => {
    if (response.socket !== null || response.writableFinished || response.closed) return;
    response.destroy();
    response.emit('close');
  });
}
