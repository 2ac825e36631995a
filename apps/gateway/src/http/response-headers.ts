import type { IncomingHttpHeaders } from 'node:http';
import { isNeverReturned } from '#lib/contract/passed-headers';
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

/** Without these a body cannot be read. */
const describesBody = new Set([
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
]);

/** Whether a response header (lower case) may reach the caller: those of `listed`, else the usual ones; some never. */
function isReturned(name: string, listed: ReadonlySet<string> | undefined): boolean {
  if (listed !== undefined)
    return describesBody.has(name) || (listed.has(name) && !isNeverReturned(name));
  if (allowed.has(name)) return true;
  return name.startsWith('x-') && !isNeverReturned(name);
}

/** The response headers that the caller gets, as the flat list that `writeHead` takes. */
export function returnedHeaders(
  headers: IncomingHttpHeaders,
  location: string | undefined,
  listed?: ReadonlySet<string>,
): string[] {
  const named =
    typeof headers.connection === 'string' ? connectionNames(headers.connection) : undefined;
  const list: string[] = [];
  for (const name in headers) {
    if (!isReturned(name, listed) || named?.has(name)) continue;
    const value = headers[name];
    if (typeof value === 'string') list.push(name, value);
    else if (value !== undefined) for (const one of value) list.push(name, one);
  }
  if (location !== undefined) list.push('location', location);
  return list;
}
