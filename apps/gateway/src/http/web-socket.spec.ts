import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '#lib/testing/until';
import {
  startGatewayFixture,
  tokenAnswer,
  upstreamOf,
  type GatewayFixture,
} from '../gateway-fixture.js';
import {
  handshake,
  rawHandshake,
  sampleKey,
  startWebSocketUpstream,
  switchProtocols,
  type RawHandshake,
  type WebSocketUpstream,
} from './web-socket-fixture.js';

let fixture: GatewayFixture;
let upstream: WebSocketUpstream;
let bearer: string;

beforeAll(async () => {
  upstream = await startWebSocketUpstream();
  fixture = await startGatewayFixture({
    upstreams: () => [
      upstreamOf('live', `${upstream.origin}/api`, { egress: { webSocket: true } }),
      upstreamOf('quiet', `${upstream.origin}/api`),
      upstreamOf('few', `${upstream.origin}/api`, {
        egress: { webSocket: true },
        limits: { personStreams: 1 },
      }),
      upstreamOf('ruled', `${upstream.origin}/api`, {
        egress: { webSocket: true, paths: ['/events'] },
      }),
    ],
    environment: { SYMBOLON_GATEWAY_ORIGINS: 'https://app.example' },
  });
  bearer = await fixture.token('/http/live');
});
afterAll(async () => {
  await fixture.stop();
  await upstream.stop();
});
let usual: WebSocketUpstream['accept'];
beforeAll(() => {
  usual = upstream.accept;
});
beforeEach(() => {
  upstream.seen.length = 0;
  upstream.accept = usual;
  fixture.vault.answer = () => tokenAnswer('upstream-token-1');
});

function socketOf(path: string, token = bearer, protocols: string[] = []): WebSocket {
  return new WebSocket(`${fixture.origin.replace('http:', 'ws:')}${path}`, {
    headers: { authorization: `Bearer ${token}` },
    protocols,
  });
}

function raw(headers: readonly string[], path = '/http/live/events', token = bearer): RawHandshake {
  return rawHandshake(fixture.origin, path, [`Authorization: Bearer ${token}`, ...headers]);
}

async function refused(attempt: RawHandshake): Promise<string> {
  await Promise.race([attempt.closed, attempt.joined]);
  attempt.socket.destroy();
  return attempt.text();
}

describe('a WebSocket', () => {
  test('carries messages both ways, with the person’s upstream token and nothing of the caller’s', async () => {
    const socket = socketOf('/http/live/events?since=1');
    await once(socket, 'open');
    const long = 'x'.repeat(200_000);
    for (const text of ['hello', long]) {
      socket.send(text);
      const [event] = (await once(socket, 'message')) as [MessageEvent];
      expect(event.data).toBe(text);
    }
    socket.close();
    await once(socket, 'close');
    const [seen] = upstream.seen;
    expect(seen).toMatchObject({ method: 'GET', url: '/api/events?since=1' });
    expect(seen?.headers.authorization).toBe('Bearer upstream-token-1');
    expect(JSON.stringify(seen?.rawHeaders)).not.toContain(bearer);
    const ended = () => fixture.log.some((line) => line.includes('"status":101'));
    expect(await until(ended, { seconds: 2 })).toBe(true);
  });

  test('subprotocols and extensions pass as they were asked for and agreed', async () => {
    upstream.accept = (request, socket) => {
      expect(request.headers['sec-websocket-extensions']).toContain('permessage-deflate');
      switchProtocols(request, socket, ['Sec-WebSocket-Protocol: chat.v2', 'Set-Cookie: a=b']);
    };
    const attempt = raw([
      ...handshake,
      'Sec-WebSocket-Protocol: chat.v1, chat.v2',
      'Sec-WebSocket-Extensions: permessage-deflate',
    ]);
    expect(await until(() => attempt.text().includes('\r\n\r\n'), { seconds: 2 })).toBe(true);
    expect(attempt.text()).toMatch(/^HTTP\/1\.1 101 /);
    expect(attempt.text().toLowerCase()).toContain('sec-websocket-protocol: chat.v2');
    expect(attempt.text().toLowerCase()).not.toContain('set-cookie');
    expect(upstream.seen[0]?.headers['sec-websocket-protocol']).toBe('chat.v1, chat.v2');
    attempt.socket.destroy();
  });

  test('a slow reader slows the upstream down instead of filling memory', async () => {
    let sent = 0;
    upstream.accept = (request, socket) => {
      switchProtocols(request, socket);
      const chunk = Buffer.alloc(64 * 1024);
      const write = (): void => {
        while (sent < 200_000_000 && !socket.destroyed) {
          sent += chunk.length;
          if (!socket.write(chunk)) return void socket.once('drain', write);
        }
      };
      write();
    };
    const attempt = raw(handshake);
    attempt.socket.pause();
    await sleep(500);
    expect(sent).toBeLessThan(50_000_000);
    attempt.socket.destroy();
  });

  test('a refused handshake is the upstream’s answer, through the same filter as any', async () => {
    upstream.accept = (_request, socket) =>
      void socket.end(
        'HTTP/1.1 403 Forbidden\r\nSet-Cookie: a=b\r\nETag: "1"\r\nContent-Length: 4\r\n\r\nnope',
      );
    const text = await refused(raw(handshake));
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
    expect(text).toContain('nope');
    expect(text.toLowerCase()).toContain('etag: "1"');
    expect(text.toLowerCase()).not.toContain('set-cookie');
  });

  test('a refused token is replaced once, as for any call', async () => {
    fixture.vault.answer = (form) =>
      tokenAnswer(form.has('rejected_token_sha256') ? 'second' : 'first', { grant_id: 'grant-r' });
    upstream.accept = (request, socket) => {
      if (request.headers.authorization === 'Bearer second') usual(request, socket);
      else socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
    };
    const token = await fixture.token('/http/live', { sub: 'renewed' });
    const socket = socketOf('/http/live/events', token);
    await once(socket, 'open');
    expect(upstream.seen).toHaveLength(2);
    socket.close();
  });

  test('ends when the grant is revoked', async () => {
    fixture.vault.answer = () => tokenAnswer('to-be-revoked', { grant_id: 'grant-9' });
    const token = await fixture.issuer.accessToken({
      subject: 'carol',
      clientId: 'cli',
      audience: `${fixture.origin}/http/live`,
      claims: {},
    });
    const socket = socketOf('/http/live/events', token);
    await once(socket, 'open');
    const closed = once(socket, 'close');
    fixture.vault.publish({
      type: 'grant',
      issuer: 'corporate',
      subject: 'carol',
      grantId: 'grant-9',
      version: 1,
      status: 'revoked',
    });
    await closed;
    const upstreamGone = () => upstream.sockets.at(-1)?.destroyed === true;
    expect(await until(upstreamGone, { seconds: 2 })).toBe(true);
  });

  test('ends when the token that opened it expires', async () => {
    const now = Math.floor(Date.now() / 1000);
    const token = await fixture.token('/http/live', { exp: now + 2 });
    const socket = socketOf('/http/live/events', token);
    await once(socket, 'open');
    await once(socket, 'close');
    expect(Date.now() / 1000).toBeGreaterThan(now + 1.9);
  });
});

describe('row 30, stream exhaustion by WebSockets', () => {
  test('a client that goes takes its connection to the upstream along', async () => {
    upstream.accept = (request, socket) => switchProtocols(request, socket);
    const attempt = raw(handshake);
    expect(await until(() => attempt.text().includes('101'), { seconds: 2 })).toBe(true);
    const gone = once(upstream.sockets.at(-1) ?? attempt.socket, 'close');
    attempt.socket.end();
    await Promise.all([gone, attempt.closed]);
  });

  test('they count as streams: the next one waits until one is closed', async () => {
    const token = await fixture.token('/http/few');
    const first = socketOf('/http/few', token);
    await once(first, 'open');
    const text = await refused(raw(handshake, '/http/few', token));
    expect(text).toMatch(/^HTTP\/1\.1 429 /);
    expect(text.toLowerCase()).toContain('retry-after: 5');
    first.close();
    await once(first, 'close');
    await sleep(50);
    const second = socketOf('/http/few', token);
    await once(second, 'open');
    second.close();
  });
});

describe('row 20, tokens in a WebSocket handshake', () => {
  test('a token in Sec-WebSocket-Protocol is refused, bare or encoded, and reaches nobody', async () => {
    const encoded = Buffer.from(bearer).toString('base64url');
    for (const protocol of [bearer, `base64url.bearer.authorization.k8s.io.${encoded}`]) {
      const text = await refused(raw([...handshake, `Sec-WebSocket-Protocol: chat, ${protocol}`]));
      expect(text).toMatch(/^HTTP\/1\.1 400 /);
      expect(text).not.toContain(protocol);
    }
    expect(upstream.seen).toHaveLength(0);
  });

  test('a handshake without a token is 401 and reaches nobody', async () => {
    const text = await refused(rawHandshake(fixture.origin, '/http/live/events', handshake));
    expect(text).toMatch(/^HTTP\/1\.1 401 /);
    expect(text.toLowerCase()).toContain('www-authenticate: bearer');
    expect(upstream.seen).toHaveLength(0);
  });
});

describe('row 23, smuggling by an upgrade', () => {
  test.each([
    ['another version', [...handshake.slice(0, 2), 'Sec-WebSocket-Version: 7', handshake[3] ?? '']],
    ['no key', handshake.slice(0, 3)],
    ['a key of another length', [...handshake.slice(0, 3), 'Sec-WebSocket-Key: YWJj']],
    ['a body', [...handshake, 'Content-Length: 3']],
  ])('%s is refused before the upstream hears of it', async (_name, headers) => {
    expect(await refused(raw(headers))).toMatch(/^HTTP\/1\.1 400 /);
    expect(upstream.seen).toHaveLength(0);
  });

  test('what follows a refused handshake is not a second request', async () => {
    const attempt = raw([...handshake.slice(0, 3), 'Sec-WebSocket-Key: YWJj']);
    attempt.socket.write(
      `GET /http/live/smuggled HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ${bearer}\r\n\r\n`,
    );
    const text = await refused(attempt);
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(upstream.seen).toHaveLength(0);
  });

  test('a 101 that does not answer the key is no tunnel', async () => {
    upstream.accept = (_request, socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n',
      );
    };
    expect(await refused(raw(handshake))).toMatch(/^HTTP\/1\.1 502 /);
  });

  test('a 101 that nobody asked for is no tunnel either', async () => {
    const text = await refused(raw(['Connection: close']));
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('h2c and other upgrades are ordinary requests', async () => {
    const text = await refused(
      raw(['Connection: close, Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMA']),
    );
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text).toContain('no WebSocket');
  });

  test('a path with a dot segment, two Hosts: refused as for any request', async () => {
    expect(await refused(raw(handshake, '/http/live/%2e%2e/x'))).toMatch(/^HTTP\/1\.1 400 /);
    expect(await refused(raw(['Host: other', ...handshake]))).toMatch(/^HTTP\/1\.1 400 /);
    expect(upstream.seen).toHaveLength(0);
  });
});

describe('row 24, WebSockets from another origin', () => {
  test('a foreign Origin is 403; an allowed one passes and stays here', async () => {
    const foreign = await refused(raw([...handshake, 'Origin: https://evil.example']));
    expect(foreign).toMatch(/^HTTP\/1\.1 403 /);
    expect(upstream.seen).toHaveLength(0);
    const own = raw([...handshake, 'Origin: https://app.example']);
    expect(await until(() => own.text().includes('101'), { seconds: 2 })).toBe(true);
    expect(upstream.seen[0]?.headers.origin).toBeUndefined();
    own.socket.destroy();
  });
});

describe('where WebSockets are not allowed', () => {
  test('the refusal says what allows them', async () => {
    const token = await fixture.token('/http/quiet');
    const text = await refused(raw(handshake, '/http/quiet', token));
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
    expect(text).toContain('egress.webSocket');
  });

  test('the paths of the upstream hold for them too', async () => {
    const token = await fixture.token('/http/ruled');
    expect(await refused(raw(handshake, '/http/ruled/other', token))).toMatch(/^HTTP\/1\.1 403 /);
    const allowed = raw(handshake, '/http/ruled/events', token);
    expect(await until(() => allowed.text().includes('101'), { seconds: 2 })).toBe(true);
    allowed.socket.destroy();
  });

  test('a person without consent gets the link instead', async () => {
    fixture.vault.answer = () => ({
      status: 400,
      body: {
        error: 'interaction_required',
        error_description: 'x',
        message: 'Connect Live first.',
        interaction_uri: 'https://vault.example/connect/abc',
        interaction_id: 'int-1',
        expires_in: 600,
      },
    });
    const token = await fixture.issuer.accessToken({
      subject: 'dave',
      clientId: 'cli',
      audience: `${fixture.origin}/http/live`,
      claims: {},
    });
    const text = await refused(raw(handshake, '/http/live/events', token));
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
    expect(text).toContain('https://vault.example/connect/abc');
  });
});

test('the sample key is the one of RFC 6455', () => {
  expect(Buffer.from(sampleKey, 'base64').toString()).toBe('the sample nonce');
});
