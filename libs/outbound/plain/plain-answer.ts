import type { IncomingHttpHeaders } from 'node:http';

/** What says where the body ends (RFC 9112 §6.3). */
export type Framing = 'chunked' | 'none' | number;

export interface PlainAnswer {
  readonly kind: 'whole';
  readonly status: number;
  readonly statusText: string;
  /** Names in lower case; of one that stands more than once, all its values. */
  readonly headers: IncomingHttpHeaders;
  readonly framing: Framing;
  /** Of the head. */
  readonly bytes: number;
}

/** What the bytes of an answer begin with. */
export type ReadAnswer = PlainAnswer | typeof partial | typeof other;

/** The rest of the head is not here yet. */
export const partial = { kind: 'partial' } as const;
/** Anything that is not as plain as it could be: undici is to read it. */
export const other = { kind: 'other' } as const;

/** As undici bounds a head. */
const longestHead = 16 * 1024;
const blankLine = '\r\n\r\n';

/** RFC 9112 §4 and §5 as nearly all servers write it: no folding, no space before a colon, ASCII without tabs. */
const plainHead =
  /^HTTP\/1\.1 ([2-5]\d\d) ([\x20-\x7e]*)\r\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\x20-\x7e]*\r\n)*$/;
const plainLength = /^(?:0|[1-9]\d{0,14})$/;

/**
 * Reads the head of the answer that `bytes` begin with. It never judges what is unusual: interim answers, framing by the end
 * of the connection, a length that is said twice or beside a coding.
 */
export function readAnswer(bytes: Buffer): ReadAnswer {
  const end = bytes.indexOf(blankLine, 0, 'latin1');
  if (end < 0) return bytes.length > longestHead ? other : partial;
  if (end > longestHead) return other;
  const head = bytes.toString('latin1', 0, end + 2);
  const line = plainHead.exec(head);
  if (line === null) return other;
  const status = Number(line[1]);
  const headers = headersOf(head, head.indexOf('\r\n') + 2);
  const framing = headers && framingOf(status, headers);
  if (headers === undefined || framing === undefined) return other;
  const statusText = line[2] ?? '';
  return { kind: 'whole', status, statusText, headers, framing, bytes: end + blankLine.length };
}

/** Undefined where they are not plain. */
function headersOf(head: string, first: number): IncomingHttpHeaders | undefined {
  const headers: IncomingHttpHeaders = {};
  for (let at = first; at < head.length;) {
    const colon = head.indexOf(':', at);
    const end = head.indexOf('\r\n', colon);
    const name = head.slice(at, colon).toLowerCase();
    const value = head.slice(colon + 1, end).trimStart();
    const known = headers[name];
    // Parsers differ in what they make of a space at the end.
    if (name === '__proto__' || value.endsWith(' ')) return undefined;
    if (known === undefined || !Object.hasOwn(headers, name)) headers[name] = value;
    else headers[name] = [known, value].flat();
    at = end + 2;
  }
  return headers;
}

/** Undefined where it is not plain. */
function framingOf(status: number, headers: IncomingHttpHeaders): Framing | undefined {
  const { 'content-length': length, 'transfer-encoding': coding } = headers;
  if (status === 204 || status === 304)
    return length === undefined && coding === undefined ? 'none' : undefined;
  if (coding !== undefined)
    return coding === 'chunked' && length === undefined ? 'chunked' : undefined;
  return typeof length === 'string' && plainLength.test(length) ? Number(length) : undefined;
}

/** Least that undici takes off what a server promises, for the way there. */
const marginMs = 2_000;
const unsaidMs = 4_000;
const longestMs = 600_000;

/** How long its connection may wait for the next request, in milliseconds; 0: it ends with this answer. */
export function keptMs({ connection, 'keep-alive': hint }: IncomingHttpHeaders): number {
  if (connection !== undefined && !/^keep-alive$/i.test(String(connection))) return 0;
  const seconds =
    hint === undefined ? undefined : /(?:^|[ ,])timeout=(\d{1,9})/.exec(String(hint))?.[1];
  if (seconds === undefined) return unsaidMs;
  return Math.max(0, Math.min(Number(seconds) * 1000 - marginMs, longestMs));
}
