import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { WholeRequest } from './whole-request.js';

/** A request as node:http reads it, or one that came whole and needed none of that. */
export type CallRequest = IncomingMessage | WholeRequest;

/** What of a `ServerResponse` those need who answer calls. */
export interface CallResponse extends NodeJS.WritableStream {
  readonly statusCode: number;
  /** The status is decided; nothing can be said of it any more. */
  readonly headersSent: boolean;
  /** The client has all, or has left. */
  readonly destroyed: boolean;
  readonly writableEnded: boolean;
  /** All has been given to the kernel. */
  readonly writableFinished: boolean;
  readonly writableNeedDrain: boolean;
  readonly writableLength: number;
  setHeader(name: string, value: string): unknown;
  writeHead(status: number, headers?: OutgoingHttpHeaders | string[]): this;
  flushHeaders(): void;
  cork(): void;
  uncork(): void;
  end(callback?: () => void): this;
  end(data: string | Uint8Array, callback?: () => void): this;
  end(text: string, encoding?: BufferEncoding, callback?: () => void): this;
  end(data: string | Uint8Array | undefined): this;
  destroy(error?: Error): unknown;
}
