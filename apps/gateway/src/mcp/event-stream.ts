import type { CallResponse } from '../connection/exchange.js';
import { streamHeaders } from './relay.js';

const keepAliveMs = 15_000;
const mostUnread = 1024 * 1024;

/** A server-sent event stream of our own; its head goes out at once. */
export class EventStream {
  /** Resolves when either side has closed the stream; never rejects. */
  readonly closed: Promise<void>;

  constructor(private readonly response: CallResponse) {
    response.writeHead(200, streamHeaders);
    response.flushHeaders();
    const timer = setInterval(() => this.write(': keep-alive\n\n'), keepAliveMs);
    this.closed = new Promise((resolve) => {
      const done = (): void => {
        clearInterval(timer);
        resolve();
      };
      response.once('close', done);
      if (response.destroyed) done();
    });
  }

  send(message: unknown): void {
    this.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
  }

  /** Whole events only, so that two writers never interleave. A client that does not read is cut off. */
  write(text: string): void {
    if (this.response.destroyed || this.response.writableEnded) return;
    if (this.response.writableLength > mostUnread) this.response.destroy();
    else this.response.write(text);
  }

  end(): void {
    if (!this.response.writableEnded) this.response.end();
  }
}
