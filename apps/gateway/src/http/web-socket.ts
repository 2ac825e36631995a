import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { Problem } from '#lib/problem/problem';
import type { CallRequest } from '../connection/exchange.js';

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** Of the handshake, passed on as they came. The upstream answers the key, so its acceptance is checked by both ends. */
const passed = [
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
] as const;
const accepted = [
  'sec-websocket-accept',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
] as const;

/** Whether a request asks to become a WebSocket (RFC 6455 §4.1); other upgrades are ordinary requests. */
export function asksForWebSocket(request: CallRequest): boolean {
  return request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket';
}

/** Why a handshake is not taken: RFC 6455 §4.2.1, and no token where servers and browsers write it down. */
export function handshakeProblem({ headers }: CallRequest, token: string): Problem | undefined {
  const { 'sec-websocket-key': key = '', 'sec-websocket-version': version } = headers;
  if (version !== '13')
    return new Problem('invalid-request', 'Of WebSocket, version 13 is passed on.', {
      headers: { 'sec-websocket-version': '13' },
    });
  if (!/^[A-Za-z0-9+/]{22}==$/.test(key))
    return new Problem('invalid-request', 'Sec-WebSocket-Key must be 16 bytes in base64.');
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined)
    return new Problem('invalid-request', 'A WebSocket handshake has no body.');
  if (holdsToken(headers['sec-websocket-protocol'] ?? '', token))
    return new Problem(
      'invalid-request',
      'A token must not stand in Sec-WebSocket-Protocol: send it as Authorization: Bearer.',
    );
  return undefined;
}

// Browsers cannot set Authorization, so some send it as a subprotocol, bare or encoded (Kubernetes).
const jwt = /eyJ[\w-]{10,}\.[\w-]{4,}\.[\w-]*/;

function holdsToken(protocols: string, token: string): boolean {
  if (protocols === '') return false;
  const encoded = Buffer.from(token).toString('base64url');
  if (protocols.includes(token) || protocols.includes(encoded) || jwt.test(protocols)) return true;
  return protocols
    .split(',')
    .some((one) =>
      jwt.test(Buffer.from(one.trim().split('.').at(-1) ?? '', 'base64').toString('latin1')),
    );
}

/** Names and values in turn. */
export function handshakeHeaders(headers: IncomingHttpHeaders): string[] {
  return listed(headers, passed);
}

/** The head of the 101, or undefined where the upstream did not answer this handshake (RFC 6455 §4.2.2). */
export function acceptedHead(
  request: IncomingHttpHeaders,
  answer: IncomingHttpHeaders,
): string[] | undefined {
  const expected = createHash('sha1')
    .update(`${request['sec-websocket-key'] ?? ''}${guid}`)
    .digest('base64');
  if (answer['sec-websocket-accept'] !== expected) return undefined;
  return ['connection', 'Upgrade', 'upgrade', 'websocket', ...listed(answer, accepted)];
}

function listed(headers: IncomingHttpHeaders, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const value = headers[name];
    return typeof value === 'string' ? [name, value] : [];
  });
}

const closingMs = 1_000;

/** Joins two connections, each as fast as the other reads, until one ends. */
export function joinSockets(client: Duplex, upstream: Duplex): void {
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.on('error', () => undefined);
    from.pipe(to);
    from.once('close', () => (from.readableEnded ? to.end() : to.destroy()));
    // No half-open WebSockets (RFC 6455 §7.1.1): the other side gets what was said, and little time to end too.
    from.once('end', () => {
      to.end();
      setTimeout(() => to.destroy(), closingMs).unref();
    });
  }
}
