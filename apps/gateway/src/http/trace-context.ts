import type { IncomingHttpHeaders } from 'node:http';
import { connectionNames } from './request-headers.js';

const version00 = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
/** Trace Context §3.3.1.5: so much has to be passed on. */
const longestState = 512;
const none: readonly string[] = [];

/**
 * A request's W3C Trace Context, names and values in turn: nothing that could hold the caller's token, nothing that
 * `Connection` names (RFC 9110 §7.6.1).
 */
export function traceContext(headers: IncomingHttpHeaders, token: string): readonly string[] {
  const { traceparent, tracestate, connection } = headers;
  if (typeof traceparent !== 'string' || !version00.test(traceparent)) return none;
  const named = connectionNames(connection);
  if (named?.has('traceparent') === true) return none;
  const isPassed =
    typeof tracestate === 'string' &&
    named?.has('tracestate') !== true &&
    tracestate.length <= longestState &&
    (token === '' || !tracestate.includes(token));
  return ['traceparent', traceparent, ...(isPassed ? ['tracestate', tracestate] : [])];
}
