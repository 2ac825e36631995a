import type { IncomingMessage } from 'node:http';
import { PassThrough, Transform, type TransformCallback } from 'node:stream';
import type { CallRequest } from '../connection/exchange.js';
import { WholeRequest } from '../connection/whole-request.js';

/** Up to this a body is read before it is sent, so that it can be sent again with a fresh token. */
const replayableBytes = 64 * 1024;
/** How long the rest of a refused body is read and thrown away, so that its sender reads the answer. */
const lingerMs = 2_000;

/** What kind of body a request announces; nothing is read yet. */
export function bodyKind(request: CallRequest): 'none' | 'short' | 'stream' {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  if (coding !== undefined) return 'stream';
  if (length === undefined || length === '0') return 'none';
  return Number(length) <= replayableBytes ? 'short' : 'stream';
}

/** Reads an announced short body whole; `taken` is not called where the client leaves before its end. */
export function readShortBody(request: CallRequest, taken: (body: Buffer) => void): void {
  if (request instanceof WholeRequest) return taken(request.body);
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.once('end', () =>
    taken(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)),
  );
}

/**
 * The body as it comes. Whoever destroys this stream leaves the client's connection open for an answer. Of more than
 * `most` bytes it breaks off with BodyTooLarge, so that the upstream never takes the part for the whole.
 */
export function detachedBody(request: IncomingMessage, most?: number): Transform {
  const body = most === undefined ? new PassThrough() : new CountedBody(most);
  body.on('error', () => request.unpipe(body));
  request.once('close', () => {
    if (!request.complete) body.destroy(new Error('the client left'));
  });
  return request.pipe(body);
}

export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

class CountedBody extends Transform {
  #bytes = 0;

  constructor(private readonly most: number) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.most) done(new BodyTooLarge());
    else done(null, chunk);
  }
}

/** After an answer that came before the end of a body: its sender may finish reading, not send for ever. */
export function throwAwayRest(request: CallRequest): void {
  if (request instanceof WholeRequest || request.complete) return;
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), lingerMs);
  const stop = (): void => clearTimeout(timer);
  request.once('end', stop).once('close', stop);
}
