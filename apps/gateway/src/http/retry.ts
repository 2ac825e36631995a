import type { IncomingHttpHeaders } from 'node:http';

// RFC 9110 §9.2.2: a proxy repeats only what is idempotent. Never POST or PATCH, with whatever key.
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
const notConnected = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN']);
const brokenOff = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** What listens anew after a restart needs a moment; a connection that was kept too long does not. */
const reconnectAfterMs = 100;

/**
 * How long to wait before a call is sent once more because there was no answer at all: the connection was refused, or broke
 * before the first byte. Undefined: it is not sent again. A timeout never is: it may be at work.
 */
export function retryAfterError(method: string, error: Error): number | undefined {
  if (!idempotent.has(method) || !('code' in error)) return undefined;
  if (notConnected.has(String(error.code))) return reconnectAfterMs;
  return brokenOff.has(String(error.code)) ? 0 : undefined;
}

/** The same for an answer that asks for it: 503 with a `Retry-After` of a second at most, to a read. */
export function retryAfterAnswer(
  method: string,
  status: number,
  headers: IncomingHttpHeaders,
): number | undefined {
  if (status !== 503 || (method !== 'GET' && method !== 'HEAD')) return undefined;
  const after = headers['retry-after'];
  return after === '0' || after === '1' ? Number(after) * 1000 : undefined;
}
