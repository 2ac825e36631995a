import type { IncomingHttpHeaders } from 'node:http';
import { isNeverSent } from '#lib/contract/passed-headers';

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

/** Without these a body cannot be read. */
const describesBody = new Set(['content-encoding', 'content-type']);

/** Whether a header (lower case) may go upstream: those of `listed`, else the usual ones; some never. */
function isForwarded(name: string, listed: ReadonlySet<string> | undefined): boolean {
  if (listed !== undefined)
    return (describesBody.has(name) || listed.has(name)) && !isNeverSent(name);
  if (allowed.has(name)) return true;
  return name.startsWith('x-') && !isNeverSent(name);
}

/** What a request bears that its caller did not say. */
interface Added {
  readonly injected: string | undefined;
  readonly extra: readonly string[] | undefined;
  /** The caller's own, which stays here. */
  readonly token: string;
  /** Where the caller may have brought a token of the upstream's: it goes out as the upstream wants it, not as it came. */
  readonly callerHeader?: string | undefined;
  /** What an administrator lets pass, where that is said. */
  readonly listed?: ReadonlySet<string> | undefined;
}

/**
 * The end-to-end headers of a request as a flat list, without `injected` and `extra` (names and values in turn),
 * without what `Connection` names (RFC 9110 §7.6.1), and without any value that holds the caller's token.
 */
export function forwardedHeaders(
  headers: IncomingHttpHeaders,
  { injected, extra, token, callerHeader, listed }: Added,
): string[] {
  const named = connectionNames(headers.connection);
  const list: string[] = [];
  for (const name in headers) {
    if (!isForwarded(name, listed) || named?.has(name)) continue;
    if (name === injected || name === callerHeader) continue;
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
