import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

export interface ReceivedRequest {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  body: string;
}

const keep = 2_000;

/** Everything that a demo service was sent, so that a test can search it for what must never arrive there. */
export class Recorder {
  readonly requests: ReceivedRequest[] = [];

  /** Records the head at once; give it the body when it is read. */
  add(request: IncomingMessage): ReceivedRequest {
    const { method = 'GET', url = '/', headers } = request;
    const received = { at: Date.now(), method, url, headers, body: '' };
    this.requests.push(received);
    if (this.requests.length > keep) this.requests.shift();
    return received;
  }
}
