/*
 * What may stand beside a token at an upstream: nothing that says who calls, where to, or how the message is framed
 * (RFC 9110 §7.6.1), and nothing that the gateway itself decides.
 */
const forbidden = new Set([
  'accept',
  'accept-encoding',
  'authorization',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'cookie2',
  'dpop',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'last-event-id',
  'origin',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'referer',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
]);

/** Whether a header of this name may be set for every call of an upstream. */
export function isExtraHeader(name: string): boolean {
  const lower = name.toLowerCase();
  if (!/^[a-z][a-z0-9-]{0,60}$/.test(lower) || forbidden.has(lower)) return false;
  return !/^(?:x-forwarded-|proxy-|sec-|mcp-)/.test(lower);
}

/** RFC 9110 §5.5, in visible ASCII without blanks at the ends. */
export function isHeaderText(value: string): boolean {
  return value.length <= 1000 && /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value);
}
