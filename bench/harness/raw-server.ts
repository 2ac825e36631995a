import { createServer, type AddressInfo } from 'node:net';
import { MessageFraming } from './message-framing.js';

/** A request as a raw server has it. */
export interface RawRequest {
  /** Start line and fields, without the empty line. */
  readonly head: string;
  /** The body whole where the server wants it, else empty. */
  readonly body: Buffer;
}

export interface RawAnswering {
  readonly wantsBodies: boolean;
  /** The bytes of a whole answer. */
  answer(request: RawRequest): Buffer | string;
}

/**
 * What stands behind those who are measured: sockets, and answers that are bytes. An upstream on node:http would cost
 * as much as a proxy, and hide what differs between proxies. It sends its port to who forked it.
 */
export function serveRaw(answering: RawAnswering): void {
  const server = createServer({ noDelay: true }, (socket) => {
    const framing = new RequestFraming(answering.wantsBodies);
    socket.on('data', (bytes: Buffer) => {
      if (framing.take(bytes)) socket.write(answering.answer(framing.whole()), 'latin1');
    });
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
  });
  server.listen(0, '127.0.0.1', 1024, () => process.send?.((server.address() as AddressInfo).port));
  process.on('disconnect', () => process.exit());
}

/** The bytes of a 200. `body` in latin1. */
export function jsonAnswer(body: string, status = '200 OK', fields = ''): string {
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\n${fields}content-length: ${body.length}\r\n\r\n${body}`;
}

class RequestFraming extends MessageFraming {
  #head = '';
  #parts: Buffer[] = [];

  constructor(private readonly wantsBodies: boolean) {
    super();
  }

  protected begun(head: string): boolean {
    this.#head = head;
    this.#parts = [];
    return false;
  }

  protected came(part: Buffer): void {
    if (this.wantsBodies) this.#parts.push(part);
  }

  whole(): RawRequest {
    const [first = Buffer.alloc(0), ...others] = this.#parts;
    return {
      head: this.#head,
      body: others.length === 0 ? first : Buffer.concat(this.#parts),
    };
  }
}
