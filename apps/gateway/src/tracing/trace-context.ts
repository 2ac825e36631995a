import type { IncomingHttpHeaders } from 'node:http';

const version00 = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
/** Trace Context §3.3.1.5: so much has to be passed on. */
const longestState = 512;

/** A request's W3C Trace Context, names and values in turn; nothing that could hold the caller's token. */
export function traceContext(
  { traceparent, tracestate }: IncomingHttpHeaders,
  token: string,
): readonly string[] {
  if (typeof traceparent !== 'string' || !version00.test(traceparent)) return none;
  const isPassed =
    typeof tracestate === 'string' &&
    tracestate.length <= longestState &&
    (token === '' || !tracestate.includes(token));
  return ['traceparent', traceparent, ...(isPassed ? ['tracestate', tracestate] : [])];
}

const none: readonly string[] = [];
