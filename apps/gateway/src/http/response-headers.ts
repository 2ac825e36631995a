import type { IncomingHttpHeaders } from 'node:http';
import { connectionNames } from './request-headers.js';

/*
 * What may come back: an allow-list. Never cookies, challenges, CORS grants or anything that speaks for the
 * gateway's origin; `Location` has rules of its own.
 */
const allowed = new Set([
  'accept-patch',
  'accept-post',
  'accept-ranges',
  'age',
  'allow',
  'api-supported-versions',
  'cache-control',
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-profile',
  'content-range',
  'content-type',
  'date',
  'dav',
  'deprecation',
  'digest',
  'etag',
  'expires',
  'last-modified',
  'link',
  'odata-version',
  'pragma',
  'preference-applied',
  'ratelimit',
  'ratelimit-limit',
  'ratelimit-policy',
  'ratelimit-remaining',
  'ratelimit-reset',
  'repr-digest',
  'retry-after',
  'server-timing',
  'sunset',
  'traceresponse',
  'vary',
  'warning',
]);
const privateName =
  /^x-(?:accel-|sendfile|lighttpd-|.*(?:auth|token|secret|cookie|session|csrf|xsrf|credential|powered-by|frame-options|xss|permitted|real-ip|forward|amzn|envoy).*)/;

/** Whether a response header (lower case) may reach the caller. */
function isReturned(name: string): boolean {
  if (allowed.has(name)) return true;
  return name.startsWith('x-') && !name.includes('_') && !privateName.test(name);
}

/** The response headers that the caller gets, as the flat list that `writeHead` takes. */
export function returnedHeaders(
  headers: IncomingHttpHeaders,
  location: string | undefined,
): string[] {
  const named =
    typeof headers.connection === 'string' ? connectionNames(headers.connection) : undefined;
  const list: string[] = [];
  for (const name in headers) {
    if (!isReturned(name) || named?.has(name)) continue;
    const value = headers[name];
    if (typeof value === 'string') list.push(name, value);
    else if (value !== undefined) for (const one of value) list.push(name, one);
  }
  if (location !== undefined) list.push('location', location);
  return list;
}
