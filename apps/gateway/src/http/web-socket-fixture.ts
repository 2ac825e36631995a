import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface WebSocketUpstream {
  readonly origin: string;
  /** Handshakes that arrived, in order. */
  readonly seen: IncomingMessage[];
  readonly sockets: Duplex[];
  /** What answers a handshake; by default it is accepted and text comes back as it was sent. */
  accept: (request: IncomingMessage, socket: Duplex) => void;
  stop(): Promise<void>;
}

function acceptKey(request: IncomingMessage): string {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  return createHash('sha1').update(key).digest('base64');
}

export function switchProtocols(
  request: IncomingMessage,
  socket: Duplex,
  more: readonly string[] = [],
): void {
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptKey(request)}`,
    ...more,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
}

/** A WebSocket server on bare connections: what is tested is what passes, byte by byte. */
export async function startWebSocketUpstream(): Promise<WebSocketUpstream> {
  const server = createServer((_request, response) => void response.end('no WebSocket'));
  const upstream: WebSocketUpstream = {
    origin: '',
    seen: [],
    sockets: [],
    accept: (request, socket) => {
      switchProtocols(request, socket);
      echoFrames(socket);
    },
    stop: () =>
      new Promise((resolve) => {
        for (const socket of upstream.sockets) socket.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  server.on('upgrade', (request, socket) => {
    upstream.seen.push(request);
    upstream.sockets.push(socket);
    socket.on('error', () => undefined);
    // Connections of node:http stay half open of themselves.
    socket.once('end', () => socket.end());
    upstream.accept(request, socket);
    socket.resume();
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(upstream, { origin: `http://127.0.0.1:${port}` });
}

/** Answers each masked text frame of a client (RFC 6455 §5.2, one fragment) with the same text. */
function echoFrames(socket: Duplex): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let frame = readFrame(rest); frame !== undefined; frame = readFrame(rest)) {
      rest = rest.subarray(frame.length);
      if (frame.opcode === 1) socket.write(writeFrame(frame.payload));
      if (frame.opcode === 8) socket.end(Buffer.from([0x88, 0x02, 0x03, 0xe8]));
    }
  });
}

function readFrame(bytes: Buffer) {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] ?? 0) & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  if (bytes.length < 2 + lengthBytes) return undefined;
  const size =
    lengthBytes === 0
      ? short
      : bytes.readUIntBE(lengthBytes === 8 ? 4 : 2, lengthBytes === 8 ? 6 : 2);
  const start = 2 + lengthBytes + 4;
  if (bytes.length < start + size) return undefined;
  const mask = bytes.subarray(start - 4, start);
  const payload = Buffer.from(
    bytes.subarray(start, start + size).map((byte, i) => byte ^ (mask[i % 4] ?? 0)),
  );
  return { opcode: (bytes[0] ?? 0) & 0x0f, payload, length: start + size };
}

function writeFrame(payload: Buffer): Buffer {
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([0x81, length]), payload]);
  const head = Buffer.alloc(10);
  head[0] = 0x81;
  head[1] = 127;
  head.writeUIntBE(length, 4, 6);
  return Buffer.concat([head, payload]);
}

export const sampleKey = 'dGhlIHNhbXBsZSBub25jZQ==';

export interface RawHandshake {
  readonly socket: Socket;
  /** Everything that has come so far. */
  readonly text: () => string;
  readonly closed: Promise<void>;
  /** The connection has become a WebSocket. */
  readonly joined: Promise<void>;
}

/** A handshake line by line, and whatever comes back. */
export function rawHandshake(
  origin: string,
  path: string,
  headers: readonly string[],
): RawHandshake {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  const text = (): string => Buffer.concat(chunks).toString('latin1');
  const joined = new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      if (chunks.length === 1 && text().startsWith('HTTP/1.1 101')) resolve();
    });
  });
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  const lines = [`GET ${path} HTTP/1.1`, 'Host: gateway', ...headers];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  return { socket, text, closed, joined };
}

export const handshake = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${sampleKey}`,
];
