import type { IncomingHttpHeaders } from 'node:http';
import { Problem } from '#lib/problem/problem';
import type { PreparedUpstream } from '../upstreams/upstreams.js';
import { returnedLocation, upstreamPath } from './upstream-path.js';

interface Head {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The request's target as it came to us. */
  readonly target: string;
}

const asksForProxy = new Problem('upstream-invalid', 'The service asks for proxy authentication.');
const redirectsElsewhere = new Problem(
  'upstream-invalid',
  'The service redirects to another place, which is not followed.',
);

/** Where its `Location` leads through us (undefined: nowhere), or why the answer cannot be passed on. */
export function locationOf(
  upstream: PreparedUpstream,
  publicUrl: string,
  { status, headers, target }: Head,
): string | undefined | Problem {
  if (status === 407) return asksForProxy;
  const { location } = headers;
  if (location === undefined) return undefined;
  const through = returnedLocation(upstream, upstreamPath(upstream, target), location, publicUrl);
  if (through !== undefined) return through;
  // 201 and the like: the caller does not follow it by itself.
  return status >= 300 && status < 400 ? redirectsElsewhere : undefined;
}

/** Whether the answer goes on for as long as the upstream likes. */
export function isEventStream(headers: IncomingHttpHeaders): boolean {
  const type = headers['content-type'];
  return type !== undefined && type.length >= 17 && /^text\/event-stream\b/i.test(type);
}
