import type { Dispatcher } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AddressRules } from '../address-rules.js';
import { CheckedAgent } from '../checked-agent.js';
import { ask, type Heard, RawOrigin } from './raw-origin-fixture.js';

const ok = 'HTTP/1.1 200 OK\r\n';
const hello = `${ok}content-length: 5\r\n\r\nhello`;

let origin: RawOrigin;
let agent: CheckedAgent;

beforeEach(async () => {
  origin = await RawOrigin.start();
  agent = agentOf();
});
afterEach(async () => {
  await agent.end();
  origin.close();
});

function agentOf(connections?: number): CheckedAgent {
  const rules = new AddressRules({ mode: 'development', allow: [] });
  const resolve = () => Promise.resolve(['127.0.0.1']);
  return new CheckedAgent(rules, resolve, connections === undefined ? {} : { connections });
}

const turn = () => new Promise((done) => setTimeout(done, 20));

describe('a plain request', () => {
  test('is sent as it was given, with the length of its body', async () => {
    origin.says([hello]);
    const headers = ['content-type', 'text/plain', 'authorization', 'Bearer abc'];
    await ask(agent, origin.url, { method: 'POST', headers, body: Buffer.from('body') });
    expect(origin.requests[0]?.split('\r\n')).toEqual([
      'POST /x HTTP/1.1',
      `host: ${new URL(origin.url).host}`,
      'connection: keep-alive',
      'content-type: text/plain',
      'authorization: Bearer abc',
      'content-length: 4',
      '',
      'body',
    ]);
  });

  test.each([
    ['POST', 'content-length: 0'],
    ['PUT', 'content-length: 0'],
  ] as const)('%s without a body says so', async (method, line) => {
    origin.says([hello]);
    await ask(agent, origin.url, { method });
    expect(origin.requests[0]).toContain(line);
  });

  test('of any length arrives whole', async () => {
    origin.says([hello]);
    for (const length of [1, 16_384, 16_385, 300_000]) {
      const body = Buffer.alloc(length, 'y');
      await ask(agent, origin.url, { method: 'POST', body });
      expect(origin.requests.at(-1)?.endsWith(`\r\n\r\n${body.toString()}`)).toBe(true);
    }
  });

  test.each([
    ['a line of its own in a value', { headers: ['x', 'a\r\nhost: evil'] }],
    ['a line of its own in a name', { headers: ['x\r\ny', 'a'] }],
    ['a line of its own in a path', { path: '/x HTTP/1.1\r\nhost: evil' }],
    ['a coding of its own', { headers: ['transfer-encoding', 'chunked'] }],
  ])('row 22, header injection: %s is not sent', async (_name, options) => {
    origin.says([hello]);
    const heard = await ask(agent, origin.url, { method: 'POST', ...options });
    expect(heard.end).toBe('failed');
    expect(origin.requests).toEqual([]);
  });
});

describe('a connection', () => {
  test('carries one request after the other', async () => {
    origin.says([hello], [`${ok}transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`]);
    for (let i = 0; i < 6; i += 1)
      expect((await ask(agent, origin.url)).body).toBe(i % 2 === 0 ? 'hello' : 'ok');
    expect(origin.sockets).toHaveLength(1);
  });

  test('never carries two at once', async () => {
    origin.says([hello]);
    await Promise.all(Array.from({ length: 5 }, () => ask(agent, origin.url)));
    expect(origin.sockets).toHaveLength(5);
  });

  test.each([
    ['it ends', [`${ok}connection: close\r\ncontent-length: 5\r\n\r\nhello`]],
    ['it may not wait', [`${ok}keep-alive: timeout=1\r\ncontent-length: 5\r\n\r\nhello`]],
    ['row 23, response smuggling: bytes follow', [`${hello}${hello}`]],
    [
      'row 23, response smuggling: bytes follow the last chunk',
      [`${ok}transfer-encoding: chunked\r\n\r\n0\r\n\r\n${hello}`],
    ],
  ])('is not used again where %s', async (_name, answer) => {
    origin.says(answer);
    await ask(agent, origin.url);
    await ask(agent, origin.url);
    expect(origin.sockets).toHaveLength(2);
  });

  test('row 23, response smuggling: what comes unasked is nobody’s answer', async () => {
    origin.says([hello, `${ok}content-length: 4\r\n\r\nevil`], [hello]);
    await ask(agent, origin.url);
    await turn();
    expect((await ask(agent, origin.url)).body).toBe('hello');
    expect(origin.sockets).toHaveLength(2);
  });

  test('row 23, response smuggling: what came unasked before the next request is not its answer', async () => {
    origin.says([hello]);
    await ask(agent, origin.url);
    // In the phase of timers: what is with the kernel now is read before what is said to be done at once.
    const heard = await new Promise<Heard>((resolve) => {
      setTimeout(() => {
        origin.sockets[0]?.write(`${ok}content-length: 4\r\n\r\nevil`);
        resolve(ask(agent, origin.url));
      }, 20);
    });
    expect(heard.body).toBe('hello');
    expect(origin.sockets).toHaveLength(2);
  });

  test('that was closed while it waited is not used', async () => {
    origin.says([hello, 'FIN']);
    await ask(agent, origin.url);
    await expect.poll(() => origin.sockets[0]?.destroyed).toBe(true);
    expect((await ask(agent, origin.url)).body).toBe('hello');
  });

  test('is not used again where the answer came before the request was sent', async () => {
    origin.answer = () => undefined;
    const started = ask(agent, origin.url, { method: 'POST', body: Buffer.alloc(30_000_000) });
    while (origin.sockets.length === 0) await turn();
    origin.sockets[0]?.pause();
    origin.sockets[0]?.write(hello);
    expect((await started).body).toBe('hello');
    origin.says([hello]);
    expect((await ask(agent, origin.url)).body).toBe('hello');
    expect(origin.sockets).toHaveLength(2);
  });
});

describe('whoever asked', () => {
  test.each(['start', 'head', 'data'] as const)(
    'may give up at the %s: the reason is told once, and the next one is served',
    async (at) => {
      origin.says([hello]);
      const reason = new Error('enough');
      const heard = await ask(agent, origin.url, {
        during: (now, controller) => now === at && controller.abort(reason),
      });
      expect([heard.end, heard.error]).toEqual(['failed', reason]);
      expect((await ask(agent, origin.url)).body).toBe('hello');
    },
  );

  test('ends nothing of the next one’s once it is over', async () => {
    origin.says([hello]);
    let former: Dispatcher.DispatchController | undefined;
    await ask(agent, origin.url, { during: (_at, controller) => (former = controller) });
    const next = ask(agent, origin.url, {
      during(at) {
        if (at === 'head') former?.abort(new Error('too late'));
        if (at === 'start') former?.pause();
      },
    });
    expect((await next).body).toBe('hello');
    expect(origin.sockets).toHaveLength(1);
  });

  test('may pause; what comes waits, and a pause is no silence', async () => {
    origin.says([`${ok}content-length: 10\r\n\r\n`, 'hello', 'world']);
    let body = '';
    const heard = ask(agent, origin.url, {
      bodyTimeout: 30,
      during(at, controller) {
        if (at !== 'head') return;
        controller.pause();
        setTimeout(() => ((body = 'resumed'), controller.resume()), 100);
      },
    });
    expect((await heard).body).toBe('helloworld');
    expect(body).toBe('resumed');
    expect((await ask(agent, origin.url)).body).toBe('helloworld');
  });

  test('hears of what its own handler throws', async () => {
    origin.says([hello]);
    const wrong = new Error('wrong');
    const heard = await ask(agent, origin.url, {
      during(at) {
        if (at === 'head') throw wrong;
      },
    });
    expect(heard.error).toBe(wrong);
  });
});

describe('an origin', () => {
  test('that is not there is said so, as undici says it', async () => {
    const { url } = origin;
    origin.close();
    expect((await ask(agent, url)).error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('gets no more connections than may be, plain or not; more is busy', async () => {
    const bounded = agentOf(2);
    origin.answer = () => undefined;
    const upload = { method: 'POST', body: new ReadableStream() } as never;
    const under = [ask(bounded, origin.url), ask(bounded, origin.url, upload)];
    while (origin.sockets.length < 2) await turn();
    for (const asked of [{}, { method: 'HEAD' } as const]) {
      const { error } = await ask(bounded, origin.url, asked);
      expect(error).toMatchObject({ code: 'busy' });
    }
    await bounded.end();
    expect((await Promise.all(under)).map(({ end }) => end)).toEqual(['failed', 'failed']);
  });

  test('whose answers are not plain is undici’s for a while, and its connections end', async () => {
    origin.says([`HTTP/1.1 103 Early Hints\r\n\r\n${hello}`]);
    for (let i = 0; i < 4; i += 1) expect((await ask(agent, origin.url)).body).toBe('hello');
    // The first of them was read here; undici keeps the others.
    await expect.poll(() => origin.sockets[0]?.destroyed).toBe(true);
    expect(origin.open).toBeGreaterThan(0);
  });

  test('row 11, a private address: is refused without a connection', async () => {
    const rules = new AddressRules({ mode: 'production', allow: [] });
    const checked = new CheckedAgent(rules, () => Promise.resolve(['127.0.0.1']));
    const { port } = new URL(origin.url);
    for (const url of [`https://api.example:${port}`, `https://127.0.0.1:${port}`])
      expect((await ask(checked, url)).error).toMatchObject({ code: 'refused-address' });
    expect(origin.sockets).toEqual([]);
    await checked.end();
  });

  test('keeps nobody waiting for connections that nobody uses: they end after a while', async () => {
    origin.says([`${ok}keep-alive: timeout=3\r\ncontent-length: 5\r\n\r\nhello`]);
    await ask(agent, origin.url);
    await expect.poll(() => origin.open, { timeout: 5_000 }).toBe(0);
  });
});
