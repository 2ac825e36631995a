import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { SessionDoor } from './session-door.js';
import { placeOf } from './session-place.js';

const open: Server[] = [];

afterEach(() => {
  for (const server of open.splice(0)) server.close().closeAllConnections();
});

/** A worker of two: its address, and what its own listener heard. */
async function workerOf(worker: number, secret = 'only-workers-know') {
  const heard: { address: string | undefined; rawHeaders: string[]; body: string }[] = [];
  const door = new SessionDoor({ worker, workers: 2, secret, othersServe: false });
  const listener = door.before((request, response) => {
    void readOf(request).then((body) => {
      const { socket, rawHeaders } = request;
      heard.push({ address: socket.remoteAddress, rawHeaders, body });
      response.writeHead(207, 'Of its own', [
        'Set-Cookie',
        'a',
        'Set-Cookie',
        'b',
        'X-At',
        `${worker}`,
      ]);
      response.end(`worker ${worker}`);
    });
  });
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(server, door.server);
  let connections = 0;
  door.server.on('connection', () => (connections += 1));
  const { port } = server.address() as AddressInfo;
  return { door, heard, port, doorPort: await door.open(), connections: () => connections };
}

async function readOf(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of message) text += String(part);
  return text;
}

async function post(port: number, headers: Record<string, string>, body = 'hello') {
  const sent = httpRequest({ port, host: '127.0.0.1', method: 'POST', path: '/mcp/x', headers });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: answer.statusCode, answer, text: await readOf(answer) };
}

/** A session id that worker 2 keeps. */
const ofTheSecond =
  ['session-a', 'session-b', 'session-c'].find((id) => placeOf(id, 2) === 2) ?? '';

describe('the door between workers', () => {
  it('a request of a session that another worker keeps is served there, as it came', async () => {
    const [first, second] = [await workerOf(1), await workerOf(2)];
    first.door.know({ 1: first.doorPort, 2: second.doorPort });
    const headers = {
      'mcp-session-id': ofTheSecond,
      'x-twice': '1',
      'transfer-encoding': 'chunked',
    };
    const { status, answer, text } = await post(first.port, headers);
    expect([status, text, answer.statusMessage]).toEqual([207, 'worker 2', 'Of its own']);
    expect(answer.headers['set-cookie']).toEqual(['a', 'b']);
    expect(first.heard).toEqual([]);
    expect(second.heard).toMatchObject([{ address: '127.0.0.1', body: 'hello' }]);
    await post(first.port, headers);
    expect(second.connections()).toBe(1);
    expect(second.heard[0]?.rawHeaders.join()).not.toMatch(/only-workers-know|passed-on/);
  });

  it('no session, its own, or a worker that is away: it is served here', async () => {
    const [first, second] = [await workerOf(1), await workerOf(2)];
    const other = { 'mcp-session-id': ofTheSecond };
    expect((await post(first.port, {})).text).toBe('worker 1');
    expect((await post(second.port, other)).text).toBe('worker 2');
    expect((await post(first.port, other)).text).toBe('worker 1');
    second.door.server.close();
    first.door.know({ 2: second.doorPort });
    expect((await post(first.port, other)).text).toBe('worker 1');
    expect(first.heard.map(({ body }) => body)).toEqual(['hello', 'hello', 'hello']);
  });

  it('a forged header: nobody else passes by a door, or says where a client is', async () => {
    const [first, second] = [await workerOf(1), await workerOf(2)];
    first.door.know({ 2: second.doorPort });
    const mark = { 'x-symbolon-passed-on': 'only-workers-knew 10.0.0.1' };
    expect((await post(second.doorPort, mark)).status).toBe(404);
    expect((await post(second.doorPort, {})).status).toBe(404);
    expect(second.heard).toEqual([]);
    await post(first.port, { ...mark, 'mcp-session-id': ofTheSecond });
    expect(second.heard).toMatchObject([{ address: '127.0.0.1' }]);
  });
});
