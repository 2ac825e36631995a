import type { Dispatcher } from 'undici';

/** A request that can be said in one go: its head as it stands on the wire, and its body. */
export interface PlainRequest {
  /** Of ASCII only. */
  readonly head: string;
  /** Of no bytes where there is none. */
  readonly body: Uint8Array;
  /** Milliseconds; 0: for ever. */
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
}

/** With a body that has a length even where it is empty (RFC 9110 §8.6), or without one. */
const methods = new Map<string, 'body' | 'none'>([
  ['GET', 'none'],
  ['DELETE', 'none'],
  ['POST', 'body'],
  ['PUT', 'body'],
  ['PATCH', 'body'],
]);
const plainPath = /^\/[\x21-\x7e]*$/;
const plainName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const plainValue = /^[\t\x20-\x7e]*$/;
/** Said by the connection itself, or more than a plain request has. */
const notPlain =
  /^(?:host|connection|keep-alive|content-length|transfer-encoding|upgrade|expect|te|trailer)$/i;
const defaultTimeout = 300_000;
const nothing = new Uint8Array(0);

/** Undefined for what is not as plain as can be: a stream, an upgrade, an odd name. undici is to send it, or to refuse it. */
export function plainRequest(
  {
    method,
    path,
    headers,
    body,
    upgrade,
    query,
    headersTimeout,
    bodyTimeout,
  }: Dispatcher.DispatchOptions,
  host: string,
): PlainRequest | undefined {
  const kind = methods.get(method);
  if (kind === undefined || Boolean(upgrade) || query !== undefined || !isWhole(body))
    return undefined;
  const bytes = body ?? nothing;
  // Servers that do not expect one take it for the next request: its connection ends with it, which undici sees to.
  if (kind === 'none' && bytes.length > 0) return undefined;
  if (!Array.isArray(headers) || !plainPath.test(path)) return undefined;
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
  for (let at = 0; at < headers.length; at += 2) {
    const name: unknown = headers[at];
    const value: unknown = headers[at + 1];
    if (typeof name !== 'string' || typeof value !== 'string') return undefined;
    if (!plainName.test(name) || notPlain.test(name) || !plainValue.test(value)) return undefined;
    head += `${name}: ${value}\r\n`;
  }
  const length = kind === 'body' ? `content-length: ${bytes.length}\r\n\r\n` : '\r\n';
  return {
    head: head + length,
    body: bytes,
    headersTimeout: headersTimeout ?? defaultTimeout,
    bodyTimeout: bodyTimeout ?? defaultTimeout,
  };
}

function isWhole(body: Dispatcher.DispatchOptions['body']): body is Uint8Array | null | undefined {
  return body === null || body === undefined || body instanceof Uint8Array;
}
