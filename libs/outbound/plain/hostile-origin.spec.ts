import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AddressRules } from '../address-rules.js';
import { CheckedAgent } from '../checked-agent.js';
import { PlainOrigin } from './plain-origin.js';
import { ask, type Heard, RawOrigin } from './raw-origin-fixture.js';

const ok = 'HTTP/1.1 200 OK\r\n';
const hello = `${ok}content-length: 5\r\n\r\nhello`;
const chunked = `${ok}transfer-encoding: chunked\r\n\r\n`;
const old = 'HTTP/1.0 200 OK\r\n\r\n';

let origin: RawOrigin;
let agent: CheckedAgent;

beforeEach(async () => {
  origin = await RawOrigin.start();
  const rules = new AddressRules({ mode: 'development', allow: [] });
  agent = new CheckedAgent(rules, () => Promise.resolve(['127.0.0.1']));
});
afterEach(async () => {
  await agent.end();
  origin.close();
});

/** One that tells its sockets, of one connection at once. */
function plainOrigin(most = 1): { plain: PlainOrigin; sockets: Socket[] } {
  const sockets: Socket[] = [];
  const plain = new PlainOrigin(new URL(origin.url), {
    mayOpen: (open) => open < most,
    connect: ({ port }, connected) => {
      const socket = connect(Number(port), '127.0.0.1');
      sockets.push(socket);
      socket.on('connect', () => connected(null, socket)).on('error', () => undefined);
    },
  });
  return { plain, sockets };
}

describe('two people’s calls', () => {
  test.each(['GET', 'DELETE'] as const)(
    'request smuggling: after a %s with a body its connection carries nothing else',
    async (method) => {
      origin.says([hello]);
      const body = Buffer.from('GET /evil HTTP/1.1\r\n\r\n');
      await ask(agent, origin.url, { method, body });
      await ask(agent, origin.url);
      expect(origin.sockets).toHaveLength(2);
    },
  );

  test.each([
    ['ended', 'end', (socket: Socket) => socket.end()],
    ['was reset', 'error', (socket: Socket) => socket.resetAndDestroy()],
    ['said something', 'data', (socket: Socket) => socket.write(hello)],
  ])('a connection that %s is not used from that very moment on', async (_how, event, act) => {
    const { plain, sockets } = plainOrigin();
    origin.says([hello]);
    await ask(plain, origin.url);
    const next = new Promise<Heard>((done) =>
      sockets[0]?.on(event, () => done(ask(plain, origin.url, { method: 'POST' }))),
    );
    if (origin.sockets[0] !== undefined) act(origin.sockets[0]);
    expect(await next).toMatchObject({ end: 'ended', body: 'hello' });
    plain.destroy();
  });

  test('a connection that was given up makes room at once', async () => {
    const { plain } = plainOrigin();
    origin.says([hello]);
    const during = (at: string, controller: Dispatcher.DispatchController): void => {
      if (at === 'head') controller.abort(new Error('enough'));
    };
    await ask(plain, origin.url, { during });
    expect((await ask(plain, origin.url)).body).toBe('hello');
    plain.destroy();
  });

  test('a connection whose time is over makes room at once', async () => {
    const { plain } = plainOrigin();
    origin.says([hello]);
    await ask(plain, origin.url);
    const now = performance.now.bind(performance);
    performance.now = () => now() + 4_000;
    const next = ask(plain, origin.url);
    performance.now = now;
    expect((await next).body).toBe('hello');
    plain.destroy();
  });
});

describe('an answer that is not plain', () => {
  test('may be reset at once: that is the end of this call only', async () => {
    const { plain, sockets } = plainOrigin();
    origin.says([`${old}hel`]);
    const asked = ask(plain, origin.url);
    const [socket] = sockets;
    socket?.on('connect', () => socket.once('data', () => socket.destroy(new Error('reset'))));
    expect((await asked).end).toBe('failed');
    plain.destroy();
  });

  test('reaches a reader who is slow, whole', async () => {
    origin.says([old + 'y'.repeat(300_000), 'FIN']);
    const heard = await ask(agent, origin.url, {
      during(at, controller) {
        if (at !== 'data') return;
        controller.pause();
        setTimeout(() => controller.resume(), 5);
      },
    });
    expect([heard.end, heard.body.length]).toEqual(['ended', 300_000]);
  });

  test('has the same controller to the end, and fails once', async () => {
    const { plain } = plainOrigin();
    origin.says([`${old}hel`]);
    const controllers = new Set<Dispatcher.DispatchController>();
    const errors: Error[] = [];
    const reason = new Error('enough');
    const options = { origin: origin.url, path: '/', method: 'GET', headers: [] } as const;
    await new Promise<void>((done) => {
      plain.dispatch(options, {
        onRequestStart: (controller) => void controllers.add(controller),
        onResponseStart: (controller) => void controllers.add(controller),
        onResponseData(controller) {
          controllers.add(controller);
          for (const one of controllers) one.abort(reason);
        },
        onResponseError(_controller, error) {
          errors.push(error);
          done();
        },
      });
    });
    await turn();
    expect([controllers.size, errors]).toEqual([1, [reason]]);
    expect(origin.requests).toHaveLength(1);
    plain.destroy();
  });
});

describe('an answer that undici reads', () => {
  const end = (socket: Socket): unknown => socket.end();
  const reset = (socket: Socket): unknown => socket.resetAndDestroy();
  const last = `${ok}connection: close\r\ncontent-length: 5\r\n\r\nhello`;
  test.each([
    ['ends where its connection does', `${old}hello`, end, 'ended'],
    ['is its connection’s last', last, end, 'ended'],
    ['breaks off', `${old}hello`, reset, 'failed'],
  ] as const)('and that %s waits for its reader who pauses', async (...[, answer, act, heard]) => {
    origin.says([answer]);
    let isFirst = true;
    const asked = await ask(agent, origin.url, {
      // Beyond ASCII: undici sends it.
      headers: ['x', 'caf\xe9'],
      during(at, controller) {
        if (at !== 'data' || !isFirst) return;
        isFirst = false;
        controller.pause();
        const [socket] = origin.sockets;
        if (socket !== undefined) act(socket);
        setTimeout(() => controller.resume(), 30);
      },
    });
    expect(asked).toMatchObject({ end: heard, body: 'hello' });
  });
});

describe('a reader who pauses', () => {
  test.each([
    ['in chunks', `${chunked}1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n`, ['a', 'b', 'c']],
    ['by its length', `${ok}content-length: 3\r\n\r\nabc`, ['abc']],
    ['of no bytes', `${ok}content-length: 0\r\n\r\n`, []],
  ])('hears nothing of an answer %s until it resumes', async (_name, answer, chunks) => {
    origin.says([answer]);
    const heard: string[] = [];
    let paused = false;
    const asked = await ask(agent, origin.url, {
      during(at, controller) {
        if (paused) heard.push(`${at} while paused`);
        if (at === 'start' || at === 'end') return;
        heard.push(at);
        paused = true;
        controller.pause();
        setImmediate(() => {
          paused = false;
          controller.resume();
        });
      },
    });
    expect(asked).toMatchObject({ end: 'ended', body: chunks.join('') });
    expect(heard).toEqual(['head', ...chunks.map(() => 'data')]);
    expect((await ask(agent, origin.url)).body).toBe(chunks.join(''));
    expect(origin.sockets).toHaveLength(1);
  });

  test('before there is a head gets the head, in time', async () => {
    const during = (at: string, controller: Dispatcher.DispatchController): void => {
      if (at === 'start') controller.pause();
      else if (at === 'head') setImmediate(() => controller.resume());
    };
    origin.says([hello]);
    expect((await ask(agent, origin.url, { during })).body).toBe('hello');
    origin.says([]);
    const { error } = await ask(agent, origin.url, { during, headersTimeout: 30 });
    expect(error?.name).toBe('HeadersTimeoutError');
  });
});

describe('a head', () => {
  test('that comes byte by byte has no longer than one that comes at once', async () => {
    origin.answer = (socket) => {
      const dripping = setInterval(() => socket.write('H'), 25);
      socket.on('close', () => clearInterval(dripping));
    };
    const begun = performance.now();
    const { error } = await ask(agent, origin.url, { headersTimeout: 60 });
    expect(error?.name).toBe('HeadersTimeoutError');
    expect(performance.now() - begun).toBeLessThan(300);
  });

  test('is not waited for longer because the request is read slowly', async () => {
    const body = Buffer.alloc(30_000_000);
    const asked = ask(agent, origin.url, { method: 'POST', body, headersTimeout: 60 });
    await expect.poll(() => origin.sockets.length).toBe(1);
    const [socket] = origin.sockets;
    socket?.pause();
    const reading = setInterval(() => {
      socket?.resume();
      socket?.once('data', () => socket.pause());
    }, 20);
    const { error } = await asked;
    clearInterval(reading);
    expect(error?.name).toBe('HeadersTimeoutError');
  });
});

describe('whoever asked', () => {
  test('hears of what it throws at the start', async () => {
    origin.says([hello]);
    const wrong = new Error('wrong');
    const during = (at: string): void => {
      if (at === 'start') throw wrong;
    };
    for (let i = 0; i < 3; i += 1)
      expect((await ask(agent, origin.url, { during })).error).toBe(wrong);
    expect((await ask(agent, origin.url)).body).toBe('hello');
    expect(origin.sockets).toHaveLength(1);
  });

  test('may give up at the end, which changes nothing', async () => {
    origin.says([hello]);
    const heard = await ask(agent, origin.url, {
      during: (at, controller) => at === 'end' && controller.abort(new Error('too late')),
    });
    expect([heard.end, heard.error]).toEqual(['ended', undefined]);
  });

  test('is told at once that all is over, even where there is no connection yet', async () => {
    const plain = new PlainOrigin(new URL(origin.url), {
      mayOpen: () => true,
      connect: () => undefined,
    });
    const asked = ask(plain, origin.url);
    plain.destroy();
    expect((await asked).error?.name).toBe('ClientDestroyedError');
  });

  test('may ask an origin that is an address of IPv6', async () => {
    const hosts: string[] = [];
    const plain = new PlainOrigin(new URL('http://[::1]:8080'), {
      mayOpen: () => true,
      connect: ({ hostname }, connected) => {
        hosts.push(hostname);
        connected(new Error('not there'), null);
      },
    });
    await ask(plain, 'http://[::1]:8080');
    expect(hosts).toEqual(['::1']);
  });
});
