import { Transform, type Readable } from 'node:stream';
import type { IncomingHttpHeaders } from 'node:http';
import type { CallResponse } from '../connection/exchange.js';
import { connectionNames } from '../http/request-headers.js';
import { rewrittenEvents, rewrittenJson, type Rewrite } from './rewrite-stream.js';
import { discard, type UpstreamAnswer } from './upstream-call.js';

const longestKept = 256 * 1024;
const passed = [
  'content-type',
  'cache-control',
  'mcp-protocol-version',
  'retry-after',
  'allow',
] as const;

/**
 * The request headers that an MCP upstream needs: never Authorization, Cookie, the session, what `Connection`
 * names (RFC 9110 §7.6.1), or any value that holds the caller's token.
 */
export function upstreamHeaders(
  headers: IncomingHttpHeaders,
  era: 'modern' | 'legacy',
  token: string,
): Record<string, string> {
  const named = connectionNames(headers.connection);
  const allowed: Record<string, string> = {};
  for (const name in headers) {
    if (!isAllowed(name, era) || named?.has(name) === true) continue;
    const value = headers[name];
    if (typeof value !== 'string') continue;
    if (token === '' || value.length < token.length || !value.includes(token))
      allowed[name] = value;
  }
  return allowed;
}

function isAllowed(name: string, era: 'modern' | 'legacy'): boolean {
  if (name === 'accept' || name === 'content-type') return true;
  if (name === 'last-event-id') return era === 'legacy';
  // Names with `_` are read as `-` by some servers.
  return name.startsWith('mcp-') && name !== 'mcp-session-id' && !name.includes('_');
}

type Head = Pick<UpstreamAnswer, 'headers'>;

export function isEventStream(answer: Head): boolean {
  return mediaType(answer) === 'text/event-stream';
}

/** MCP answers are JSON or an event stream, or have no body; a page of some proxy is no answer. */
export function isMcpAnswer(answer: Head): boolean {
  const type = mediaType(answer);
  return type === '' || type === 'application/json' || type === 'text/event-stream';
}

function mediaType({ headers }: Head): string {
  const value = headers['content-type'] ?? '';
  // As nearly all write it.
  if (value === 'application/json' || value === 'text/event-stream') return value;
  return value.split(';')[0]?.trim().toLowerCase() ?? '';
}

export interface RelayOptions {
  /** Deadline of an answer that is not a stream; also how long a legacy answer is read on after its client left. */
  readonly timeoutMs: number;
  /** Modern: the client's leaving ends the upstream call. Legacy: it does not cancel anything. */
  readonly clientLeaving: 'aborts' | 'drains';
  readonly headers?: Readonly<Record<string, string>>;
  /** Receives the whole answer if it is no longer than 256 KiB. */
  readonly keep?: ((contentType: string, text: string) => void) | undefined;
  /** Rewrites single messages of the answer on their way; the rest passes byte for byte. */
  readonly rewrite?: Rewrite | undefined;
  /** Those of an answer with an error status too. */
  readonly rewritesErrors?: boolean | undefined;
}

/** What is made of an answer on its way; nothing, as a rule. */
export type Reading = Pick<RelayOptions, 'keep' | 'rewrite'>;

/** Streams the upstream's answer to the client; an event stream's head at once. */
export async function relay(
  answer: UpstreamAnswer,
  response: CallResponse,
  options: RelayOptions,
): Promise<void> {
  if (response.destroyed) return discard(answer);
  const isRead = options.keep !== undefined || options.rewrite !== undefined;
  response.writeHead(answer.status, { ...relayedHeaders(answer, isRead), ...options.headers });
  if (isEventStream(answer)) response.flushHeaders();
  const timer = isEventStream(answer) ? undefined : deadline(answer, options.timeoutMs);
  try {
    if (options.clientLeaving === 'drains') await drainingPipe(answer, response, options);
    else if (changes(answer, options)) await pipe(kept(answer, options), answer.body, response);
    else await answer.pipeTo(response);
  } catch {
    // The head is out: an answer that broke off can only be cut off.
    response.destroy();
  } finally {
    clearTimeout(timer);
  }
}

/** As `pipeline` does, without the controller that it makes and aborts for each answer. */
function pipe(source: Readable, origin: Readable, response: CallResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    response.once('close', () => {
      origin.destroy();
      resolve();
    });
    origin.once('error', reject);
    source.once('error', reject);
    // An answer that was cut off has no end.
    origin.once('close', () => (origin.readableEnded ? undefined : reject(new Error('cut off'))));
    source.pipe(response);
  });
}

/** Whether anybody reads what passes. */
function changes({ status }: UpstreamAnswer, { keep, rewrite, rewritesErrors }: RelayOptions) {
  return keep !== undefined || (rewrite !== undefined && (status < 300 || rewritesErrors === true));
}

function kept(answer: UpstreamAnswer, options: RelayOptions): Readable {
  const { keep, rewrite, rewritesErrors = false } = options;
  const source = keep === undefined ? answer.body : answer.body.pipe(keeper(answer, keep));
  if (rewrite === undefined || (answer.status >= 300 && !rewritesErrors)) return source;
  const make = isEventStream(answer) ? rewrittenEvents : rewrittenJson;
  const rewritten = source.pipe(make(rewrite));
  // Nobody would read on.
  return rewritten.once('error', () => answer.body.destroy());
}

/** The head of an answer whose body goes on as it is, or rewritten: then its length is not known yet. */
export function relayedHeaders(answer: Head, isRead: boolean): Record<string, string> {
  const headers: Record<string, string> = { 'cache-control': 'no-store' };
  const length = answer.headers['content-length'];
  // With it, head and body of a short answer are one packet.
  if (!isRead && typeof length === 'string') headers['content-length'] = length;
  for (const name of passed) {
    const value = answer.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  return isEventStream(answer) ? Object.assign(headers, streamHeaders) : headers;
}

export const streamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const;

/** Of an answer that is no stream. */
export function deadline(answer: Pick<UpstreamAnswer, 'abort'>, timeoutMs: number): NodeJS.Timeout {
  return setTimeout(
    () => answer.abort(new Error('the upstream stopped in the middle of its answer')),
    timeoutMs,
  );
}

/** A legacy client that disconnects may come back for its result: nothing tells the upstream. */
async function drainingPipe(
  answer: UpstreamAnswer,
  response: CallResponse,
  options: RelayOptions,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const source = kept(answer, options);
  for (const one of new Set([answer.body, source])) one.once('error', () => response.destroy());
  const left = (): void => {
    if (response.writableFinished) return;
    source.unpipe(response);
    source.resume();
    timer = deadline(answer, options.timeoutMs);
  };
  response.once('close', left);
  source.pipe(response);
  await new Promise<void>((resolve) => {
    answer.body.once('close', resolve);
  });
  clearTimeout(timer);
  if (!response.destroyed && !response.writableFinished)
    await new Promise<void>((resolve) => {
      response.once('close', resolve);
    });
}

function keeper(answer: UpstreamAnswer, keep: NonNullable<RelayOptions['keep']>): Transform {
  let chunks: Buffer[] | undefined = [];
  let length = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length;
      if (length > longestKept) chunks = undefined;
      chunks?.push(chunk);
      done(null, chunk);
    },
    flush(done) {
      if (chunks !== undefined)
        keep(String(answer.headers['content-type']), Buffer.concat(chunks).toString('utf8'));
      done();
    },
  });
}
