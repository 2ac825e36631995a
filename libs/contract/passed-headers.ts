/*
 * What passes between a caller and an HTTP upstream whatever an administrator lists: never. Names that speak of
 * credentials, of the caller, of the way the request came or of how a message is framed (RFC 9110 §7.6.1).
 */
const neverSent = new Set([
  'authorization',
  'connection',
  'content-length',
  'cookie',
  'cookie2',
  'dpop',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'origin',
  'proxy',
  'referer',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
]);
const neverSentPattern =
  /^x-(?:.*(?:auth|token|key|secret|cookie|session|csrf|xsrf|credential|assertion|jwt|sso|saml|identity|user|email|roles?$|groups?$|principal|impersonat|on-behalf|acting-as|forward|client|cert|remote|real-ip|original|rewrite|host|method|proxy|proto|cluster|envoy|amzn|b3).*)$/;
const idempotency = /^x-(?:idempotency-key|client-request-id)$/;

/** Names with `_` are read as `-` by some servers: never. */
const plainName = /^[a-z0-9][a-z0-9.-]{0,99}$/;

/** Whether a request header (lower case) can never go to an upstream. */
export function isNeverSent(name: string): boolean {
  if (!plainName.test(name) || neverSent.has(name)) return true;
  if (/^(?:proxy-|sec-|access-control-|cf-|fastly-|true-client-)/.test(name)) return true;
  return neverSentPattern.test(name) && !idempotency.test(name);
}

const neverReturned = new Set([
  'alt-svc',
  'authentication-info',
  'clear-site-data',
  'connection',
  'cross-origin-embedder-policy',
  'cross-origin-opener-policy',
  'cross-origin-resource-policy',
  'keep-alive',
  'location',
  'nel',
  'origin-agent-cluster',
  'permissions-policy',
  'public-key-pins',
  'refresh',
  'referrer-policy',
  'report-to',
  'reporting-endpoints',
  'service-worker-allowed',
  'set-cookie',
  'set-cookie2',
  'strict-transport-security',
  'te',
  'timing-allow-origin',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'www-authenticate',
]);
const neverReturnedPattern =
  /^x-(?:accel-|sendfile|lighttpd-|.*(?:auth|token|secret|cookie|session|csrf|xsrf|credential|powered-by|frame-options|xss|permitted|real-ip|forward|amzn|envoy).*)/;

/** Whether a response header (lower case) can never reach a caller: it would speak for the gateway's origin. */
export function isNeverReturned(name: string): boolean {
  if (!plainName.test(name) || neverReturned.has(name)) return true;
  if (/^(?:proxy-|sec-|access-control-|content-security-policy)/.test(name)) return true;
  return neverReturnedPattern.test(name);
}
