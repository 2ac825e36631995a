import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

/** What one request came to. */
export interface Heard {
  status?: number;
  headers?: IncomingHttpHeaders;
  body: string;
  end?: 'ended' | 'failed';
  error?: Error;
}

/** An origin of which each byte is said by the test. */
export class RawOrigin {
  readonly requests: string[] = [];
  readonly sockets: Socket[] = [];
  readonly #server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  /** What happens once a whole request is here; the n-th of this origin, from 0. */
  answer: (socket: Socket, n: number) => void = () => undefined;

  static async start(): Promise<RawOrigin> {
    const origin = new RawOrigin();
    await new Promise<void>((done) => origin.#server.listen(0, '127.0.0.1', done));
    return origin;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get open(): number {
    return this.sockets.filter(({ destroyed }) => !destroyed).length;
  }

  /** Answers each request with the next of these, again and again from the first. */
  says(...answers: readonly (readonly string[])[]): void {
    this.answer = (socket, n) => void this.#say(socket, answers[n % answers.length] ?? []);
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
  }

  async #say(socket: Socket, pieces: readonly string[]): Promise<void> {
    for (const piece of pieces) {
      if (piece === 'FIN') socket.end();
      else socket.write(piece, 'latin1');
      await new Promise((done) => setTimeout(done, 2));
    }
  }

  #serve(socket: Socket): void {
    this.sockets.push(socket);
    let bytes = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      bytes += chunk.toString('latin1');
      for (;;) {
        const head = bytes.indexOf('\r\n\r\n') + 4;
        const length = Number(/content-length: (\d+)/i.exec(bytes)?.[1] ?? 0);
        if (head < 4 || bytes.length < head + length) return;
        this.requests.push(bytes.slice(0, head + length));
        bytes = bytes.slice(head + length);
        this.answer(socket, this.requests.length - 1);
      }
    });
  }
}

export type Asked = Partial<Dispatcher.DispatchOptions> & {
  /** Told as it happens; may act on the controller. */
  readonly during?: (
    at: 'start' | 'head' | 'data' | 'end',
    controller: Dispatcher.DispatchController,
  ) => void;
};

/** One request through a dispatcher, as our own handlers make them. */
export function ask(
  dispatcher: Pick<Dispatcher, 'dispatch'>,
  origin: string,
  { during, ...options }: Asked = {},
): Promise<Heard> {
  const heard: Heard = { body: '' };
  return new Promise((resolve) => {
    const end = (how: 'ended' | 'failed', error?: Error): void => {
      heard.end = how;
      if (error !== undefined) heard.error = error;
      resolve(heard);
    };
    dispatcher.dispatch(
      { origin, path: '/x', method: 'GET', headers: [], ...options },
      {
        onRequestStart: (controller) => during?.('start', controller),
        onResponseStart(controller, status, headers) {
          if (status < 200) return;
          heard.status = status;
          heard.headers = headers;
          during?.('head', controller);
        },
        onResponseData(controller, chunk) {
          heard.body += chunk.toString('latin1');
          during?.('data', controller);
        },
        onResponseEnd(controller) {
          during?.('end', controller);
          end('ended');
        },
        onResponseError: (_controller, error) => end('failed', error),
      },
    );
  });
}
