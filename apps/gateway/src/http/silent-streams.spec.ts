import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { Agent } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SynchronisedClock } from '#lib/clock/clock';
import { createLogger } from '#lib/observability/logger';
import { CallRoutes } from '../call-routes.js';
import { upstreamOf } from '../gateway-fixture.js';
import { checkedServer, requestCheck } from '../inbound/checked-server.js';
import type { Inbound } from '../inbound/inbound.js';
import { UpstreamLimits } from '../limits/upstream-limits.js';
import type { GatewayEvent } from '../log-events.js';
import { CircuitBreaker } from '../upstreams/circuit-breaker.js';
import { AccessLog } from './access-log.js';
import { registerHttpRoutes } from './http-route.js';
import {
  handshake,
  rawHandshake,
  startWebSocketUpstream,
  type WebSocketUpstream,
} from './web-socket-fixture.js';

let upstream: WebSocketUpstream;
let app: FastifyInstance;
let origin: string;
const dispatcher = new Agent();
const clock = new SynchronisedClock();

const caller = {
  ...{ issuer: 'corporate', iss: 'https://i.example', subject: 'alice', application: 'cli' },
  ...{ machine: false, scopes: [], claims: {}, audiences: [], issuedAt: 0 },
  expiresAt: Number.POSITIVE_INFINITY,
};
const inbound: Inbound = {
  admit: () => ({ ok: true, caller, token: 'not-in-this-test' }),
  needs: () => {
    throw new Error('not in this test');
  },
  brought: () => undefined,
  refuseMalformed: () => undefined,
};

beforeAll(async () => {
  upstream = await startWebSocketUpstream();
  const config = upstreamOf('live', upstream.origin, { egress: { webSocket: true } });
  const breaker = new CircuitBreaker(clock);
  const prepared = { config, origin: upstream.origin, basePath: '', dispatcher, breaker };
  const credential = { kind: 'credential', header: undefined } as const;
  const nothing = { write: () => true };
  const routes = new CallRoutes();
  app = fastify({
    forceCloseConnections: true,
    serverFactory: (listener) =>
      checkedServer(requestCheck(inbound), routes, routes.before(listener)),
  });
  registerHttpRoutes(routes, app, {
    publicUrl: 'http://gateway.example',
    inbound,
    upstreams: { find: () => prepared, all: () => [prepared], ready: true },
    credentials: {
      borrow: () => ({ ...credential, grantId: undefined, revocation: undefined }),
      borrowService: () => Promise.reject(new Error('not in this test')),
      replace: () => Promise.reject(new Error('not in this test')),
      replaceService: () => Promise.reject(new Error('not in this test')),
    },
    clock,
    logger: createLogger<GatewayEvent>({ app: 'gateway', level: 'error', destination: nothing }),
    access: new AccessLog(nothing, false),
    limits: new UpstreamLimits(clock),
    silenceMs: 300,
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await app.close();
  await dispatcher.destroy();
  await upstream.stop();
});

test('row 30, streams held open: a WebSocket on which nobody speaks is ended at both ends', async () => {
  const silent = rawHandshake(origin, '/http/live', handshake);
  await silent.closed;
  expect(silent.text()).toMatch(/^HTTP\/1\.1 101 /);
  const [socket] = upstream.sockets;
  if (socket?.destroyed === false) await once(socket, 'close');
});

test('one on which only the upstream speaks stays open', async () => {
  const { accept } = upstream;
  let beats = 0;
  upstream.accept = (request, socket) => {
    accept(request, socket);
    const beat = setInterval(() => {
      beats += 1;
      socket.write(Buffer.from([0x89, 0x00]));
      if (beats === 12) socket.end();
    }, 50);
    socket.once('close', () => clearInterval(beat));
  };
  await rawHandshake(origin, '/http/live', handshake).closed;
  expect(beats).toBe(12);
});

test('the end of the process ends what is open', async () => {
  const open = rawHandshake(origin, '/http/live', handshake);
  await once(open.socket, 'data');
  await Promise.all([app.close(), open.closed]);
});
