import type { IncomingHttpHeaders } from 'node:http';

/*
 * What may go to an upstream: an allow-list. APIs also need names of their own (`x-github-api-version`), so
 * `x-` names pass unless they speak of credentials, of the caller or of the way the request came.
 */
const allowed = new Set([
  'accept',
  'accept-charset',
  'accept-datetime',
  'accept-encoding',
  'accept-language',
  'accept-patch',
  'accept-post',
  'accept-profile',
  'api-version',
  'baggage',
  'cache-control',
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-md5',
  'content-profile',
  'content-range',
  'content-type',
  'date',
  'depth',
  'digest',
  'idempotency-key',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-event-id',
  'odata-maxversion',
  'odata-version',
  'overwrite',
  'pragma',
  'prefer',
  'priority',
  'range',
  'repr-digest',
  'slug',
  'soapaction',
  'traceparent',
  'tracestate',
  'user-agent',
  'want-content-digest',
  'want-repr-digest',
]);
const privateName =
  /^x-(?:.*(?:auth|token|key|secret|cookie|session|csrf|xsrf|credential|assertion|jwt|sso|saml|identity|user|email|roles?$|groups?$|principal|impersonat|on-behalf|acting-as|forward|client|cert|remote|real-ip|original|rewrite|host|method|proxy|proto|cluster|envoy|amzn|b3).*)$/;
const idempotency = /^x-(?:idempotency-key|client-request-id)$/;

/** Whether a header (lower case) may go upstream. Names with `_` are read as `-` by some servers: never. */
function isForwarded(name: string): boolean {
  if (allowed.has(name)) return true;
  if (!name.startsWith('x-') || name.includes('_')) return false;
  return !privateName.test(name) || idempotency.test(name);
}

/** What a request bears that its caller did not say. */
interface Added {
  readonly injected: string | undefined;
  readonly extra: readonly string[] | undefined;
  /** The caller's own, which stays here. */
  readonly token: string;
}

/**
 * The end-to-end headers of a request as a flat list, without `injected` and `extra` (names and values in turn),
 * without what `Connection` names (RFC 9110 §7.6.1), and without any value that holds the caller's token.
 */
export function forwardedHeaders(
  headers: IncomingHttpHeaders,
  { injected, extra, token }: Added,
): string[] {
  const named = connectionNames(headers.connection);
  const list: string[] = [];
  for (const name in headers) {
    if (!isForwarded(name) || name === injected || named?.has(name)) continue;
    if (extra !== undefined && extra.includes(name)) continue;
    const value = headers[name];
    if (typeof value !== 'string') continue;
    if (value.length >= token.length && value.includes(token)) continue;
    list.push(name, value);
  }
  return list;
}

/** Undefined for the usual values, which name no header. */
export function connectionNames(connection: string | undefined): ReadonlySet<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close')
    return undefined;
  return new Set(
    connection
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  );
}
