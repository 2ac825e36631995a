/** One request as it is to be sent. */
export interface Asked {
  /** Default: POST with a body, GET without. */
  readonly method?: string;
  /** `http://127.0.0.1:…/…`; all of one load go to one origin. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The bytes of an HTTP/1.1 request on a connection that stays open. */
export function bytesOf({
  url,
  headers,
  body,
  method = body === undefined ? 'GET' : 'POST',
}: Asked) {
  const { host, pathname, search } = new URL(url);
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  const fields = Object.entries({ host, ...headers, ...length });
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`${method} ${pathname}${search} HTTP/1.1\r\n${head}\r\n${body ?? ''}`);
}
