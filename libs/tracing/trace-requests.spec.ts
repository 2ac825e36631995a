import { fastify, type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type LocalServer, startLocalServer } from '#lib/testing/local-server';
import { TraceCollector } from '#lib/testing/trace-collector';
import { until } from '#lib/testing/until';
import { Outbound } from '#lib/outbound/outbound';
import { openTracing } from './open-tracing.js';
import { traceRequests } from './trace-requests.js';
import type { Tracing } from './tracing.js';

let collector: TraceCollector;
let tracing: Tracing;
let provider: LocalServer;
let server: FastifyInstance;
let origin: string;
let failures: string[];
let leave: () => void;

beforeEach(async () => {
  failures = [];
  collector = await TraceCollector.start();
  provider = await startLocalServer((request, response) => {
    response.writeHead(request.url?.startsWith('/broken') === true ? 503 : 200).end();
  });
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
  vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '20');
  vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment.name=trial');
  const opened = await openTracing({
    app: 'vault',
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
    failed: (reason) => void failures.push(reason),
  });
  tracing = opened ?? expect.fail('no tracing');
  const outbound = new Outbound({ mode: 'development', allow: [], tracing });
  server = fastify();
  traceRequests(server, tracing);
  server.get<{ Params: { path: string } }>('/ask/:path', async ({ params }, reply) => {
    const { status } = await outbound.request(`${provider.origin}/${params.path}?code=secret`);
    return reply.code(status).send('done');
  });
  server.get('/never', () => new Promise(() => leave()));
  origin = await server.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
  await tracing.close();
  await Promise.all([collector.stop(), provider.stop()]);
});

test('a request, and what is asked for it, are spans of the caller’s trace', async () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  await fetch(`${origin}/ask/token?state=private`, {
    headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
  });
  await until(() => collector.spans.length === 2, { seconds: 10 });
  const [outgoing, incoming] = collector.spans;
  expect(incoming).toMatchObject({
    traceId,
    parentSpanId: '00f067aa0ba902b7',
    name: 'GET /ask/:path',
    kind: 2,
    status: 0,
    attributes: {
      'http.request.method': 'GET',
      'http.route': '/ask/:path',
      'http.response.status_code': 200,
      'symbolon.request_id': expect.any(String) as string,
    },
    resource: { 'service.name': 'symbolon-vault', 'deployment.environment.name': 'trial' },
  });
  expect(outgoing).toMatchObject({
    traceId,
    parentSpanId: incoming?.spanId,
    name: 'GET',
    kind: 3,
    attributes: {
      'server.address': '127.0.0.1',
      'server.port': provider.port,
      'http.response.status_code': 200,
    },
  });
  expect(String(Buffer.concat(collector.bodies))).not.toMatch(/private|secret/);
});

test('what fails is marked with the kind of its failure', async () => {
  await fetch(`${origin}/ask/broken`);
  await provider.stop();
  await fetch(`${origin}/ask/gone`);
  await until(() => collector.spans.length === 4, { seconds: 10 });
  const errors = collector.spans.map(({ status, attributes }) => [
    status,
    attributes['error.type'],
  ]);
  expect(errors).toEqual([
    [2, '503'],
    [2, '503'],
    [2, 'unreachable'],
    [2, '500'],
  ]);
});

test('who may not be sampled is not, and the caller’s word is passed on', async () => {
  await fetch(`${origin}/ask/token`, {
    headers: { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00' },
  });
  await fetch(`${origin}/ask/token`);
  await until(() => collector.spans.length === 2, { seconds: 10 });
  expect(collector.spans.map(({ traceId }) => traceId)).not.toContain(
    '4bf92f3577b34da6a3ce929d0e0e4736',
  );
});

test('a request whose client leaves has its span, as the log has its line', async () => {
  const leaving = new AbortController();
  leave = () => leaving.abort();
  await fetch(`${origin}/never`, { signal: leaving.signal }).catch(() => undefined);
  await until(() => collector.spans.length === 1, { seconds: 10 });
  expect(collector.spans[0]?.attributes['http.response.status_code']).toBe(499);
});

test('a collector that refuses is told of once, not for each span, and holds up no end', async () => {
  collector.status = 400;
  await fetch(`${origin}/ask/token`);
  await until(() => failures.length > 0, { seconds: 10 });
  await fetch(`${origin}/ask/token`);
  await tracing.close();
  expect(failures).toHaveLength(1);
  expect(failures[0]).not.toMatch(/\n|stack/);
});
