import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';

/** As node:http bounds a head. */
const longestHead = 16 * 1024;
const longestBody = 64 * 1024;
/** What is longer is nobody's whole request. */
export const longestWhole = longestHead + longestBody;

/**
 * RFC 9112 §3 and §5 as nearly all clients write it, and nothing more: a usual method, a target in origin form, HTTP/1.1,
 * CRLF at each line's end, no folding, no space before a colon, values of visible ASCII.
 */
const plainHead =
  /^(GET|POST|PUT|PATCH|DELETE) (\/[\x21-\x7e]*) HTTP\/1\.1\r\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e]*\r\n)+$/;
const plainLength = /^(?:0|[1-9]\d{0,4})$/;
const blankLine = '\r\n\r\n';

/** A request whose last byte is here. `headers` and `rawHeaders` are those that node:http would make of it. */
export class WholeRequest {
  readonly complete = true;
  readonly rawHeaders: string[] = [];
  readonly headers: IncomingHttpHeaders = {};
  /** Of no bytes where there is none. */
  body: Buffer = nothing;

  constructor(
    readonly method: string,
    readonly url: string,
    readonly socket: Socket,
  ) {}

  /** Each name stands here once. */
  get headersDistinct(): NodeJS.Dict<string[]> {
    return Object.fromEntries(
      Object.entries(this.headers).map(([name, value]) => [name, [String(value)]]),
    );
  }
}

const nothing = Buffer.alloc(0);

/** What the bytes on a connection begin with. */
export type Read =
  | { readonly kind: 'whole'; readonly request: WholeRequest; readonly bytes: number }
  /** The rest is not here yet; `needs` is how many bytes it takes at least. */
  | { readonly kind: 'partial'; readonly needs: number }
  /** Anything that is not as plain as it could be: node:http is to read it. */
  | typeof other;

/** Of a head nobody knows how long it is. */
const partialHead = { kind: 'partial', needs: 0 } as const;
export const other = { kind: 'other' } as const;

/**
 * Reads the request that `bytes` begin with. It never judges what is unusual, it leaves that to node:http: framing other
 * than by Content-Length, a name that stands twice, anything that asks the connection to become something else.
 */
export function readRequest(bytes: Buffer, socket: Socket): Read {
  const end = bytes.indexOf(blankLine, 0, 'latin1');
  if (end < 0) return bytes.length > longestHead ? other : partialHead;
  if (end > longestHead) return other;
  const head = bytes.toString('latin1', 0, end + 2);
  const line = plainHead.exec(head);
  if (line === null) return other;
  const [, method = '', url = ''] = line;
  const request = new WholeRequest(method, url, socket);
  if (!readHeaders(request, head, head.indexOf('\r\n') + 2)) return other;
  const body = end + blankLine.length;
  const after = body + Number(request.headers['content-length'] ?? 0);
  if (after > body + longestBody) return other;
  if (after > bytes.length) return { kind: 'partial', needs: after };
  if (after > body) request.body = bytes.subarray(body, after);
  return { kind: 'whole', request, bytes: after };
}

/** False where one of them is more than a plain request has. */
function readHeaders({ headers, rawHeaders }: WholeRequest, head: string, first: number): boolean {
  for (let at = first; at < head.length;) {
    const colon = head.indexOf(':', at);
    const end = head.indexOf('\r\n', colon);
    const given = head.slice(at, colon);
    const name = given.toLowerCase();
    const value = head.slice(colon + 1, end).trim();
    // Of a name that stands twice node:http joins the values, or takes one of them. Members of each object count as such.
    if (headers[name] !== undefined || !isPlain(name, value)) return false;
    headers[name] = value;
    rawHeaders.push(given, value);
    at = end + 2;
  }
  return headers.host !== undefined;
}

function isPlain(name: string, value: string): boolean {
  switch (name) {
    case 'transfer-encoding':
    case 'expect':
    case 'upgrade':
    case 'trailer':
    case '__proto__':
      return false;
    case 'connection':
    // Node reads it as the former.
    case 'proxy-connection':
      return value === 'keep-alive' || value === 'Keep-Alive';
    case 'content-length':
      return plainLength.test(value);
    // Node makes a list of it.
    case 'set-cookie':
      return false;
    default:
      return true;
  }
}
