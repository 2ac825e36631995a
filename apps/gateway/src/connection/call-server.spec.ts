import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CallServer } from './call-server.js';
import type { LeanResponse } from './lean-response.js';
import type { WholeRequest } from './whole-request.js';

type Serve = (request: WholeRequest, response: LeanResponse) => void;

let server: CallServer;
let serve: Serve;
/** What node:http was left with. */
let left: string[];
let port: number;

beforeEach(async () => {
  left = [];
  serve = (request, response) => {
    response.writeHead(200, { 'x-by': 'lean' }).end(`${request.url} ${String(request.body)}`);
  };
  server = new CallServer(
    { headersTimeout: 60, connectionsCheckingInterval: 20, agingMs: 20 },
    (request, response) => {
      left.push(request.url ?? '');
      if (request.url?.startsWith('/held') === true) return;
      void echo(request).then((body) => response.writeHead(200, { 'x-by': 'node' }).end(body));
    },
    { takes: ({ url }) => url.startsWith('/call'), serve: (...exchange) => serve(...exchange) },
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function echo(request: IncomingMessage): Promise<string> {
  return `${request.url} ${await text(request)}`;
}

function client(): Socket {
  return connect(port, '127.0.0.1').on('error', () => undefined);
}

/** What comes until there is `end`. */
async function heard(socket: Socket, end: string): Promise<string> {
  let all = '';
  while (!all.includes(end)) all += String(((await once(socket, 'data')) as [Buffer])[0]);
  return all;
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

describe('a connection', () => {
  test('serves call after call', async () => {
    const socket = client();
    for (const body of ['one', 'two', '']) {
      socket.write(post('/call', body));
      expect(await heard(socket, `/call ${body}`)).toMatch(
        /^HTTP\/1\.1 200 OK\r\nx-by: lean\r\ndate: \w{3}, .* GMT\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\nkeep-alive: timeout=65\r\n\r\n/,
      );
    }
    socket.destroy();
  });

  test('is kept for longer than it tells its client', async () => {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const socket = client();
    const [{ timeout = 0 }] = await accepted;
    expect(timeout).toBeGreaterThan(65_000);
    socket.destroy();
  });

  test('waits for the rest of a call', async () => {
    const socket = client().setNoDelay();
    const call = post('/call', 'one');
    socket.write(call.slice(0, 20));
    await new Promise((resolve) => setTimeout(resolve, 5));
    socket.write(call.slice(20));
    expect(await heard(socket, '/call one')).toContain('x-by: lean');
    expect(left).toEqual([]);
    socket.destroy();
  });

  test('answers calls that were sent at once in their order', async () => {
    const socket = client();
    socket.write(get('/call/1') + post('/call/2', 'b') + get('/other') + get('/call/3'));
    const all = await heard(socket, '/call/3');
    expect(all.match(/(\/call\/\d|\/other)/g)).toEqual(['/call/1', '/call/2', '/other', '/call/3']);
    expect(left).toEqual(['/other', '/call/3']);
    socket.destroy();
  });

  test('is left to node:http with the first that is no call, and loses no byte of it', async () => {
    const socket = client();
    socket.write(get('/call'));
    await heard(socket, '/call');
    const body = 'x'.repeat(300_000);
    socket.write(post('/call', body));
    expect(await heard(socket, `/call ${body}`)).toContain('x-by: node');
    expect(left).toEqual(['/call']);
    socket.destroy();
  });

  test('tells its call when the client leaves, and that it has not heard all', async () => {
    const socket = client();
    const call = new Promise<LeanResponse>((resolve) => {
      serve = (_request, response) => resolve(response);
    });
    socket.write(get('/call'));
    const response = await call;
    response.writeHead(200).flushHeaders();
    await once(socket, 'data');
    socket.destroy();
    await once(response, 'close');
    expect([response.destroyed, response.writableFinished]).toEqual([true, false]);
    expect(response.write('more')).toBe(false);
    response.end('more');
  });

  test('with more than the client reads, waits and goes on', async () => {
    const socket = client();
    const piece = Buffer.alloc(256 * 1024, 'x');
    let waited = 0;
    serve = (_request, response) => {
      response.writeHead(200, { 'content-length': piece.length * 64 });
      let pieces = 0;
      const more = (): void => {
        while (pieces < 64) {
          pieces += 1;
          if (response.write(piece)) continue;
          waited += 1;
          return void response.once('drain', more);
        }
        response.end();
      };
      more();
    };
    socket.write(get('/call'));
    let bytes = 0;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > piece.length * 64) break;
    }
    expect(waited).toBeGreaterThan(0);
  });

  test('ends with an answer that says so', async () => {
    serve = (_request, response) => response.writeHead(400, { connection: 'close' }).end('no');
    const socket = client();
    socket.write(get('/call') + get('/call'));
    expect(await text(socket)).toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\n[^]*connection: close\r\n\r\n/,
    );
  });
});

describe('an answer', () => {
  const answer = async (served: Serve): Promise<Response> => {
    serve = served;
    return fetch(`http://127.0.0.1:${port}/call`);
  };

  test('of several writes comes in chunks, and its events as they are written', async () => {
    const response = await answer((_request, lean) => {
      lean.writeHead(200, { 'content-type': 'text/event-stream' });
      lean.flushHeaders();
      lean.write('data: 1\n\n');
      setTimeout(() => lean.end('data: ä\n\n'), 5);
    });
    expect(response.headers.get('transfer-encoding')).toBe('chunked');
    expect(await response.text()).toBe('data: 1\n\ndata: ä\n\n');
  });

  test('without a head of its own has the length of its body', async () => {
    const response = await answer((_request, lean) => {
      lean.setHeader('x-set', 'before');
      lean.end('ä');
    });
    expect(response.headers.get('content-length')).toBe('2');
    expect(response.headers.get('x-set')).toBe('before');
    expect(await response.text()).toBe('ä');
  });

  test('that may have no body has none', async () => {
    const response = await answer((_request, lean) => lean.writeHead(204).end('never sent'));
    expect([response.status, await response.text()]).toEqual([204, '']);
    expect(response.headers.get('transfer-encoding')).toBeNull();
    expect(await (await answer((_request, lean) => lean.end('next'))).text()).toBe('next');
  });

  test('takes names and values in turn, and lists of values', async () => {
    const response = await answer((_request, lean) =>
      lean.writeHead(200, ['x-a', '1', 'x-a', '2', 'date', 'today']).end(),
    );
    expect([response.headers.get('x-a'), response.headers.get('date')]).toEqual(['1, 2', 'today']);
    const listed = await answer((_request, lean) =>
      lean.writeHead(200, { link: ['<a>', '<b>'], 'content-length': 0 }).end(),
    );
    expect(listed.headers.get('link')).toBe('<a>, <b>');
  });

  test('row 23, response splitting: no value begins a line of its own', async () => {
    const problems: unknown[] = [];
    await answer((_request, lean) => {
      for (const headers of [{ 'x-a': 'b\r\nset-cookie: c' }, { 'x-a\r\nb': 'c' }, { 'x a': 'b' }])
        try {
          lean.writeHead(200, headers);
        } catch (error) {
          problems.push(error);
        }
      lean.end('instead');
    });
    expect(problems).toHaveLength(3);
  });

  test('whose head was not lawful can still be another one', async () => {
    const response = await answer((_request, lean) => {
      expect(() => lean.writeHead(200, { 'x-title': '\u65e5' })).toThrow('x-title');
      expect(lean.headersSent).toBe(false);
      lean.writeHead(502).end('that went wrong');
    });
    expect([response.status, await response.text()]).toEqual([502, 'that went wrong']);
  });

  test('of no body tells no length of one (RFC 9110 §8.6)', async () => {
    const response = await answer((_request, lean) =>
      lean.writeHead(204, { 'content-length': 5 }).end(),
    );
    expect(response.headers.get('content-length')).toBeNull();
  });
});

describe('row 23, response splitting: a body of another length than was told', () => {
  const head = { 'content-length': 5 };

  test('too long: what is too much of it is never sent, and nothing behind it', async () => {
    serve = (_request, response) => response.writeHead(200, head).end('12345HTTP/1.1 200 OK');
    const socket = client();
    socket.write(get('/call') + get('/call'));
    expect(await text(socket)).not.toContain('12345HTTP');
  });

  test('too short: the connection ends with it', async () => {
    serve = (_request, response) => response.writeHead(200, head).end('123');
    const socket = client();
    socket.write(get('/call') + get('/call'));
    expect(await text(socket)).toMatch(/\r\n\r\n123$/);
  });
});

describe('what is sent in one turn', () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const asked = async (served: (response: LeanResponse) => void): Promise<LeanResponse> => {
    const call = new Promise<LeanResponse>((resolve) => {
      serve = (_request, response) => {
        served(response);
        resolve(response);
      };
    });
    client().write(get('/call'));
    return call;
  };
  const sent = ({ socket }: WholeRequest): number => socket.bytesWritten;

  test.each([
    ['whole', { 'content-length': 6 }],
    ['in chunks', {}],
  ])('goes out at its end: an answer %s', async (_how, head) => {
    let before: number | undefined;
    const server = new Promise<WholeRequest>((resolve) => {
      serve = (request, response) => {
        response.writeHead(200, head).write('answer');
        response.end();
        process.nextTick(() => {
          before = request.socket.writableLength === 0 ? sent(request) : 0;
          resolve(request);
        });
      };
    });
    const socket = client();
    socket.write(get('/call'));
    const request = await server;
    expect(before).toBe(0);
    expect(await heard(socket, 'answer')).toContain('200 OK');
    expect(sent(request)).toBeGreaterThan(0);
    socket.destroy();
  });

  test('reaches a client that has said all in the same turn', async () => {
    serve = (request, response) => {
      response.writeHead(200, { 'content-length': 6 }).end('answer');
      request.socket.emit('end');
    };
    const socket = client();
    socket.write(get('/call'));
    expect(await heard(socket, 'answer')).toContain('200 OK');
    socket.destroy();
  });

  test('is counted as not sent until then', async () => {
    let waiting = 0;
    await asked((response) => {
      response.end(Buffer.alloc(1000));
      waiting = response.writableLength;
    });
    expect(waiting).toBeGreaterThan(1000);
  });

  test('is nothing of an answer that ends with its connection before', async () => {
    const heardOf: string[] = [];
    const response = await asked((answer) => {
      for (const name of ['finish', 'close']) answer.on(name, () => heardOf.push(name));
      answer.end('never sent');
      answer.destroy();
    });
    await once(response, 'close');
    await turn();
    expect([heardOf, response.writableFinished]).toEqual([['close'], false]);
  });
});

describe('an answer that is over', () => {
  test('ends no answer that comes after it', async () => {
    const answers: LeanResponse[] = [];
    serve = (_request, response) => {
      answers.push(response);
      for (const earlier of answers.slice(0, -1)) earlier.destroy();
      response.end('the answer');
    };
    const socket = client();
    for (let i = 0; i < 2; i += 1) {
      socket.write(get('/call'));
      expect(await heard(socket, 'the answer')).toContain('200 OK');
    }
    socket.destroy();
  });

  test('has not been heard by a client that leaves with some of it unread', async () => {
    const socket = client();
    const call = new Promise<LeanResponse>((resolve) => {
      serve = (_request, response) => resolve(response);
    });
    socket.pause();
    socket.write(get('/call'));
    const response = await call;
    const events: string[] = [];
    for (const name of ['finish', 'close']) response.on(name, () => events.push(name));
    response.writeHead(200).flushHeaders();
    response.end(Buffer.alloc(64 * 1024 * 1024));
    expect(response.writableLength).toBeGreaterThan(0);
    socket.resetAndDestroy();
    await once(response, 'close');
    await new Promise((resolve) => setImmediate(resolve));
    expect([events, response.writableFinished]).toEqual([['close'], false]);
  });
});

test('row 30, calls that are counted for ever: those that wait on a connection end with it', async () => {
  const closed: string[] = [];
  const both = new Promise<Socket>((resolve) => {
    server.on('request', ({ url, socket }: IncomingMessage, response: ServerResponse) => {
      response.on('close', () => closed.push(`${url} ${response.destroyed}`));
      if (url === '/held/b') resolve(socket);
    });
  });
  const socket = client();
  socket.write(get('/held/a') + get('/held/b'));
  const accepted = await both;
  socket.resetAndDestroy();
  await new Promise((resolve) => accepted.once('close', resolve));
  expect(closed.toSorted()).toEqual(['/held/a true', '/held/b true']);
});

describe('row 30, slow senders', () => {
  test('half a request is given to node:http, which has limits for that', async () => {
    const socket = client();
    socket.write('GET /call HTTP/1.1\r\nHost: a\r\nX-Slow: ');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /);
    expect(left).toEqual([]);
  });

  test('a connection on which nothing is said is too', async () => {
    expect(await text(client())).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('a request of very many pieces is read but a few times', async () => {
    const socket = client().setNoDelay();
    for (const letter of post('/call', 'a')) {
      socket.write(letter);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await heard(socket, '/call a')).toMatch(/x-by: (node|lean)/);
    socket.destroy();
  });
});

describe('R6: while it drains', () => {
  test('calls get their answer and the connection ends; idle ones end at once', async () => {
    const busy = client();
    const idle = client();
    idle.write(get('/call'));
    await heard(idle, '/call');
    const call = new Promise<LeanResponse>((resolve) => {
      serve = (_request, response) => resolve(response);
    });
    busy.write(get('/call'));
    const response = await call;
    const closed = once(server.close(), 'close');
    expect(await text(idle)).toBe('');
    response.end('the answer');
    expect(await text(busy)).toMatch(/connection: close\r\n\r\n[^]*the answer/);
    await closed;
  });
});
