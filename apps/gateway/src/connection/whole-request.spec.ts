import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readRequest } from './whole-request.js';

const socket = new Socket();
const plain = [
  'POST /mcp/snow?x=1 HTTP/1.1',
  'Host: gateway.example',
  'Content-Type: application/json',
  'authorization: Bearer abc.def.ghi',
  'X-Empty:',
  'Accept:  text/event-stream ,*/* \t',
  'Content-Length: 4',
].join('\r\n');

function read(text: string) {
  return readRequest(Buffer.from(text, 'latin1'), socket);
}

test('a request whose bytes are all here is read, with what comes behind it left alone', () => {
  const text = `${plain}\r\n\r\n{} \nGET /next`;
  const result = read(text);
  if (result.kind !== 'whole') throw new Error(result.kind);
  expect(result.bytes).toBe(text.length - 'GET /next'.length);
  const { method, url, headers, rawHeaders, body } = result.request;
  expect([method, url, String(body)]).toEqual(['POST', '/mcp/snow?x=1', '{} \n']);
  expect(headers).toEqual({
    host: 'gateway.example',
    'content-type': 'application/json',
    authorization: 'Bearer abc.def.ghi',
    'x-empty': '',
    accept: 'text/event-stream ,*/*',
    'content-length': '4',
  });
  expect(rawHeaders.slice(0, 4)).toEqual([
    ...['Host', 'gateway.example'],
    ...['Content-Type', 'application/json'],
  ]);
});

test.each([1, 20, plain.length, plain.length + 4, plain.length + 7])(
  'of its first %i bytes it is said that there are more',
  (bytes) => {
    expect(read(`${plain}\r\n\r\n1234`.slice(0, bytes)).kind).toBe('partial');
  },
);

describe('row 23, smuggling: what two readers could take for different requests is left to one', () => {
  test.each([
    ['a coding beside the length', 'Transfer-Encoding: chunked\r\n'],
    ['a coding that hides', 'Transfer-Encoding:\tidentity\r\n'],
    ['two lengths', 'Content-Length: 5\r\n'],
    ['a length once more', 'content-length: 4\r\n'],
    ['a folded line', 'X-Long: a\r\n b\r\n'],
    ['a space before the colon', 'X-Odd : a\r\n'],
    ['a line without a colon', 'Odd\r\n'],
    ['a name of no letters', ': a\r\n'],
    ['a bare line feed', 'X-A: b\nX-C: d\r\n'],
    ['a bare carriage return', 'X-A: b\rX-C: d\r\n'],
    ['a NUL', 'X-A: b\0c\r\n'],
    ['a byte beyond ASCII', 'X-A: b\xa0\r\n'],
    ['a second Host', 'Host: other\r\n'],
    ['a second Authorization', 'Authorization: Bearer x\r\n'],
    ['a name that objects have', 'constructor: x\r\n'],
    ['their prototype', '__proto__: x\r\n'],
    ['a wish to go on', 'Expect: 100-continue\r\n'],
    ['a wish to become something else', 'Upgrade: websocket\r\n'],
    ['a connection that names headers', 'Connection: authorization\r\n'],
    ['the last one', 'Connection: close\r\n'],
    ['the last one, as Node reads it too', 'Proxy-Connection: close\r\n'],
  ])('%s', (_what, line) => {
    const [first = '', ...rest] = plain.split('\r\n');
    expect(read(`${first}\r\n${line}${rest.join('\r\n')}\r\n\r\n1234`).kind).toBe('other');
  });

  test.each([
    'POST /mcp/snow HTTP/1.0',
    'POST /mcp/snow HTTP/2.0',
    'POST /mcp/snow',
    'POST  /mcp/snow HTTP/1.1',
    'POST /mcp/snow  HTTP/1.1',
    'POST /mcp/sn\tow HTTP/1.1',
    'POST http://other.example/mcp/snow HTTP/1.1',
    'post /mcp/snow HTTP/1.1',
    'CONNECT other.example:443 HTTP/1.1',
    'OPTIONS * HTTP/1.1',
    'HEAD /mcp/snow HTTP/1.1',
    '\r\nPOST /mcp/snow HTTP/1.1',
    ' POST /mcp/snow HTTP/1.1',
  ])('the first line %j', (first) => {
    expect(read(`${first}\r\nHost: a\r\n\r\n`).kind).toBe('other');
  });

  test.each(['+4', '-4', '4 4', '4,4', '0x4', '04', '4.0', '', '4e0', '999999999999'])(
    'the length %j',
    (length) => {
      const text = `POST /mcp/snow HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n1234`;
      expect(read(text).kind).toBe('other');
    },
  );
});

describe('row 30: what is longer than calls are is not waited for', () => {
  test('a head without end', () => {
    expect(read(`${plain}\r\nX-A: ${'a'.repeat(20_000)}`).kind).toBe('other');
    expect(read(`${plain}\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n1234`).kind).toBe('other');
  });

  test('a body of more than 64 KiB', () => {
    const head = 'POST /http/a HTTP/1.1\r\nHost: a\r\nContent-Length: ';
    expect(read(`${head}65536\r\n\r\n`).kind).toBe('partial');
    expect(read(`${head}65537\r\n\r\n`).kind).toBe('other');
  });
});

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: unknown;
  readonly distinct: unknown;
  readonly raw: unknown;
  readonly body: string;
}

describe('whatever is read here node:http reads the same', () => {
  let server: Server;
  let seen: Seen[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method, url, headers, headersDistinct, rawHeaders } = request;
        const body = Buffer.concat(chunks).toString('latin1');
        seen.push({
          method,
          url,
          headers,
          distinct: { ...headersDistinct },
          raw: rawHeaders,
          body,
        });
        response.end('ok');
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(() => server.close());

  test('of requests that were damaged at random, 400', async () => {
    const random = randomNumbers(20_251_122);
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    let refused = 0;
    for (let taken = 0; taken < 400;) {
      const bytes = Buffer.from(damaged(random), 'latin1');
      const result = readRequest(bytes, socket);
      if (result.kind !== 'whole') {
        refused += 1;
        continue;
      }
      taken += 1;
      const { method, url, headers, headersDistinct, rawHeaders, body } = result.request;
      seen = [];
      client.write(bytes.subarray(0, result.bytes));
      const [answer] = (await once(client, 'data')) as [Buffer];
      // With the request, so that a failure shows it.
      expect(`${String(bytes)}${String(answer)}`).toContain('HTTP/1.1 200 OK');
      const expected = { method, url, headers, raw: rawHeaders, distinct: headersDistinct };
      expect(seen).toEqual([{ ...expected, body: body.toString('latin1') }]);
    }
    client.destroy();
    expect(refused).toBeGreaterThan(200);
  });
});

/** A request of which a few places were changed. */
function damaged(random: (below: number) => number): string {
  const body = '{"a":1}'.slice(0, random(8));
  const lines = ['Accept: */*', 'X-A:b', 'Cookie: a=b; c', 'User-Agent: x (y)', 'x_a: 1', 'TE: z'];
  const chosen = lines.filter(() => random(2) === 0);
  const length =
    random(3) === 0 ? [] : [`Content-Length: ${random(6) === 0 ? random(9) : body.length}`];
  const method = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'][random(5)];
  const head = [`${method} /mcp/a?b=${random(9)} HTTP/1.1`, 'Host: a', ...chosen, ...length];
  let text = `${head.join('\r\n')}\r\n\r\n${length.length > 0 ? body : ''}`;
  for (let changes = random(3); changes > 0; changes -= 1) {
    const at = random(text.length);
    text = text.slice(0, at) + (nasty[random(nasty.length)] ?? '') + text.slice(at + random(2));
  }
  return text;
}

const nasty = [
  ...['\r', '\n', '\r\n', ' ', '\t', ':', ';', ',', '"', '\0', '\x7f', '\x80', '#', '?', '%', '/'],
  ...['\r\n\r\n', '\r\nX-A: c', '\r\nHost: b', '\r\nContent-Length: 1', '0', 'a', 'A', '\\', '{'],
];

/** Park and Miller's, so that a failure comes again. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}
