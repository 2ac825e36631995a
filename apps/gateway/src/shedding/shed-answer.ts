import type { IncomingMessage } from 'node:http';
import { catalogue } from '#lib/problem/catalogue';
import { renderJsonRpcError } from '#lib/problem/render';
import { WholeRequest } from '../connection/whole-request.js';
import type { CallRequest, CallResponse } from '../connection/exchange.js';
import type { LoadShedding } from './load-shedding.js';

interface PreparedAnswer {
  readonly body: Buffer;
  /** By the seconds to wait, from 1 on. */
  readonly headers: readonly string[][];
}

const code = 'temporarily-unavailable';
const detail = 'There are more calls than can be served at the moment. Try again later.';
/** Spread, lest those who were sent away come back together. */
const longestWaitSeconds = 4;
/** The rest of a body up to this is on its way already. Of a longer one so much is read that its sender sees the answer. */
const shortBodyBytes = 64 * 1024;
const lingerMs = 2_000;

const { status, title } = catalogue[code];
const problem = prepared('application/problem+json', {
  ...{ type: `urn:symbolon:${code}`, title, status, detail },
});
const rpc = prepared(
  'application/json',
  renderJsonRpcError(null, -32603, detail, { problem: code }),
);

/**
 * 503 for a call that is not begun, of bytes that are there already: nothing is read of the request but its target. It
 * has no request id, because nothing else is known of it.
 */
function answerShed(request: CallRequest, response: CallResponse): void {
  const { body, headers } = isMcp(request.url ?? '') ? rpc : problem;
  if (!(request instanceof WholeRequest) && !isShort(request)) cutLater(request);
  response
    .writeHead(status, headers[waitSeconds() - 1])
    .end(request.method === 'HEAD' ? undefined : body);
}

/**
 * Shed calls are answered once a turn of the event loop, behind what was read in it. Answered at once, their clients ask
 * again within the same turn; libuv reads on while a thousand connections are ready, for seconds, and until it stops nothing
 * that waits for the turn's end is done: what was admitted is not even sent.
 */
export class ShedAnswers {
  #waiting: (readonly [CallRequest, CallResponse])[] = [];

  add(request: CallRequest, response: CallResponse): void {
    if (this.#waiting.length === 0) setImmediate(this.#answer);
    this.#waiting.push([request, response]);
  }

  readonly #answer = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [request, response] of waiting)
      if (!response.destroyed) answerShed(request, response);
  };
}

/** The same for a WebSocket handshake, which is answered by whoever takes upgrades. */
export function shedRefusal(load: Pick<LoadShedding, 'refuses' | 'wasShed'>) {
  const reason = load.refuses();
  if (reason === undefined) return undefined;
  load.wasShed(reason);
  const headers = { 'retry-after': String(waitSeconds()) };
  return { ok: false, status, code, detail, headers } as const;
}

function waitSeconds(): number {
  return 1 + Math.floor(Math.random() * longestWaitSeconds);
}

/** Whether a request may be shed: who looks after the process, or for its metadata, is always answered. */
export function isCall({ url = '' }: CallRequest): boolean {
  return !(url === '/healthz' || url === '/readyz' || url.startsWith('/.well-known/'));
}

function isMcp(url: string): boolean {
  return url.startsWith('/mcp');
}

function isShort({ headers }: CallRequest): boolean {
  if (headers['transfer-encoding'] !== undefined) return false;
  return Number(headers['content-length'] ?? 0) <= shortBodyBytes;
}

function cutLater(request: IncomingMessage): void {
  const timer = setTimeout(() => request.socket.destroy(), lingerMs);
  const stop = (): void => clearTimeout(timer);
  request.once('end', stop).once('close', stop);
}

function prepared(contentType: string, document: unknown): PreparedAnswer {
  const body = Buffer.from(JSON.stringify(document));
  const headers = Array.from({ length: longestWaitSeconds }, (_, i) => [
    ...['content-type', contentType, 'content-length', String(body.length)],
    ...['cache-control', 'no-store', 'x-content-type-options', 'nosniff'],
    ...['retry-after', String(i + 1)],
  ]);
  return { body, headers };
}
