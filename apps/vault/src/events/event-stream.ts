import type { ServerResponse } from 'node:http';
import type { BusMessage } from './postgres-event-bus.js';

// A gateway that reads this slowly is not following; it reconnects and starts afresh.
const maxBufferedBytes = 1_048_576;

/** One `GET /gateway/v1/events` answer: server-sent events until either side ends it. */
export class EventStream {
  constructor(private readonly response: ServerResponse) {
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
  }

  send(message: BusMessage): void {
    if (this.response.writableLength > maxBufferedBytes) {
      this.response.destroy();
      return;
    }
    this.response.write(`event: ${message.type}\ndata: ${JSON.stringify(message)}\n\n`);
  }

  end(): void {
    this.response.end();
  }
}
