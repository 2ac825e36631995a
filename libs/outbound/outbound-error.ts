/**
 * `refused-address` our rules forbid the address, nothing was sent · `unreachable` no connection, nothing was sent ·
 * `busy` all connections that may be are in use, nothing was sent ·
 * `untrusted` TLS failed, nothing was sent · `timeout` · `interrupted` the connection broke after the request may have
 * been sent · `too-large` · `encoded` a content-encoding we did not ask for · `malformed` not HTTP.
 */
export type OutboundErrorCode =
  | 'refused-address'
  | 'unreachable'
  | 'busy'
  | 'untrusted'
  | 'timeout'
  | 'interrupted'
  | 'too-large'
  | 'encoded'
  | 'malformed';

/**
 * A call that gave no usable answer. The message names the origin and nothing of the request; there is no `cause`,
 * because undici's parser errors carry bytes of the answer, and those may hold a token.
 */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';

  constructor(
    readonly code: OutboundErrorCode,
    message: string,
    /** The symbol of the underlying failure, such as `ECONNREFUSED`. */
    readonly symbol?: string,
  ) {
    super(message);
  }
}

const codesOf: readonly (readonly [RegExp, OutboundErrorCode])[] = [
  [
    /^(ENOTFOUND|EAI_\w+|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|EADDRNOTAVAIL)$/,
    'unreachable',
  ],
  [/^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/, 'unreachable'],
  [/^(UND_ERR_HEADERS_TIMEOUT|UND_ERR_BODY_TIMEOUT)$/, 'timeout'],
  [/^(UND_ERR_HEADERS_OVERFLOW|HPE_HEADER_OVERFLOW)$/, 'too-large'],
  [
    /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/,
    'untrusted',
  ],
  [/^(HPE_|HTTPParserError$)/, 'malformed'],
];

const sentences: Record<OutboundErrorCode, string> = {
  'refused-address': 'refused by the outbound rules',
  unreachable: 'no connection',
  busy: 'all connections are in use',
  untrusted: 'the TLS handshake failed',
  timeout: 'no answer in time',
  interrupted: 'the connection broke',
  'too-large': 'the answer is too large',
  encoded: 'the answer is compressed although identity was asked for',
  malformed: 'the answer is not HTTP',
};

/** The typed form of whatever undici, TLS or DNS threw while talking to `origin`. */
export function outboundErrorFrom(error: unknown, origin: string): OutboundError {
  if (error instanceof OutboundError) return error;
  const symbol = symbolOf(error);
  const code = codesOf.find(([pattern]) => pattern.test(symbol))?.[1] ?? 'interrupted';
  return outboundError(code, origin, symbol);
}

export function outboundError(
  code: OutboundErrorCode,
  origin: string,
  symbol?: string,
): OutboundError {
  return new OutboundError(code, `${origin}: ${sentences[code]}`, symbol);
}

function symbolOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
