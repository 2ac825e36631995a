import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';

/** Up to this a body is read before it is sent, so that it can be sent again with a fresh token. */
const replayableBytes = 64 * 1024;

/** What kind of body a request announces; nothing is read yet. */
export function bodyKind(request: IncomingMessage): 'none' | 'short' | 'stream' {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  if (coding !== undefined) return 'stream';
  if (length === undefined || length === '0') return 'none';
  return Number(length) <= replayableBytes ? 'short' : 'stream';
}

/** Reads an announced short body whole; undefined where the client left before its end. */
export function readShortBody(request: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('close', () => resolve(undefined));
  });
}

/** The body as it comes. Whoever destroys this stream leaves the client's connection open for an answer. */
export function detachedBody(request: IncomingMessage): PassThrough {
  const body = new PassThrough();
  body.on('error', () => request.unpipe(body));
  request.once('close', () => {
    if (!request.complete) body.destroy(new Error('the client left'));
  });
  return request.pipe(body);
}
