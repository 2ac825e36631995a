import { timingSafeEqual } from 'node:crypto';
import {
  Agent,
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Calls } from '../connection/call-server.js';
import { InboundMessage } from '../inbound/inbound-message.js';
import type { Doors } from './messages.js';
import { passOn } from './pass-on.js';
import { placeOf } from './session-place.js';

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

export interface SessionDoorOptions {
  readonly worker: number;
  readonly workers: number;
  readonly secret: string;
  readonly othersServe: boolean;
}

interface Configured {
  readonly ready: boolean;
  onChange(listener: () => void): void;
}

/** Names the worker that passed a request on, and where its client is. Nobody else's counts. */
const markName = 'x-symbolon-passed-on';

/**
 * All requests of one legacy session are served by one worker, whichever took their connection: what belongs to a
 * session (its GET stream, its sessions upstream, questions of servers, calls to be cancelled) is in one memory. It
 * costs those that came to another worker a hop over loopback. Where the session's worker is gone, the one at hand
 * serves, as a gateway does that has started again.
 */
export class SessionDoor {
  readonly server: Server;
  readonly #agent = new Agent({ keepAlive: true, timeout: 20_000 });
  #doors: Doors = {};
  #listener: Listener | undefined;

  constructor(private readonly options: SessionDoorOptions) {
    // How long a sender may take is judged where the client is.
    const patient = { headersTimeout: 0, requestTimeout: 0, keepAliveTimeout: 65_000 };
    this.server = createServer({ ...patient, IncomingMessage: InboundMessage }, (...exchange) =>
      this.#take(...exchange),
    );
    this.server.maxHeadersCount = 0;
  }

  /** Listens on loopback for this worker alone; answers the port. */
  async open(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ port: 0, host: '127.0.0.1', exclusive: true }, resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  /** Where the workers that serve are to be found now. */
  know(doors: Doors): void {
    this.#doors = doors;
  }

  /** Resolves at once where nobody else serves: then somebody has to say what is missing. */
  async mayTakeCalls(catalogue: Configured): Promise<void> {
    if (!this.options.othersServe || catalogue.ready) return;
    await new Promise<void>((resolve) => catalogue.onChange(resolve));
  }

  /** Whether a session of this id would be this worker's own. */
  readonly keeps = (sessionId: string): boolean =>
    placeOf(sessionId, this.options.workers) === this.options.worker;

  /** What is to hear each request instead of `listener`. */
  before(listener: Listener): Listener {
    this.#listener = listener;
    return (request, response) => {
      const door = this.#doorOf(request);
      if (door === undefined) return listener(request, response);
      const { secret } = this.options;
      passOn(request, response, {
        port: door,
        agent: this.#agent,
        mark: [markName, `${secret} ${request.socket.remoteAddress ?? ''}`],
        otherwise: () => listener(request, response),
      });
    };
  }

  /** Of these calls those that are for this worker. */
  only(calls: Calls): Calls {
    return {
      takes: (request) => calls.takes(request) && this.#doorOf(request) === undefined,
      serve: (request, response) => calls.serve(request, response),
    };
  }

  #doorOf({ url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>): number | undefined {
    const id = url.startsWith('/mcp') ? headers['mcp-session-id'] : undefined;
    if (typeof id !== 'string') return undefined;
    const place = placeOf(id, this.options.workers);
    return place === this.options.worker ? undefined : this.#doors[place];
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const mark = request.headers[markName];
    const [secret = '', address = ''] = typeof mark === 'string' ? mark.split(' ') : [];
    if (!isSame(secret, this.options.secret)) return void response.writeHead(404).end();
    delete request.headers[markName];
    const at = request.rawHeaders.findIndex((text, i) => i % 2 === 0 && text === markName);
    request.rawHeaders.splice(at, 2);
    // Calls without a token are counted by where they come from. One request at a time is on this connection.
    Object.defineProperty(request.socket, 'remoteAddress', { value: address, configurable: true });
    this.#listener?.(request, response);
  }
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
