import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { TraceCollector, type CollectedSpan } from '#lib/testing/trace-collector';
import { until } from '#lib/testing/until';
import { openTracing } from '#lib/tracing/open-tracing';
import type { Tracing } from '#lib/tracing/tracing';
import {
  startGatewayFixture,
  tokenAnswer,
  upstreamOf,
  type GatewayFixture,
} from '../gateway-fixture.js';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parent = '00f067aa0ba902b7';
const traceparent = `00-${traceId}-${parent}-01`;

let collector: TraceCollector;
let tracing: Tracing;
let fixture: GatewayFixture;

beforeAll(async () => {
  collector = await TraceCollector.start();
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
  vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '20');
  const failed = (reason: string): void => expect.fail(reason);
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  const opened = await openTracing({ app: 'gateway', environment, failed });
  tracing = opened ?? expect.fail('no tracing');
  fixture = await startGatewayFixture({
    tracing,
    upstreams: (origin) => [
      upstreamOf('reports', `${origin}/api`),
      upstreamOf('tools', `${origin}/mcp`, { type: 'mcp' }),
    ],
  });
});
afterAll(async () => {
  await fixture?.stop();
  await tracing?.close();
  await collector?.stop();
  vi.unstubAllEnvs();
});
beforeEach(() => {
  collector.spans.length = 0;
  fixture.seen.length = 0;
  fixture.vault.traces.length = 0;
  fixture.vault.answer = () => tokenAnswer('upstream-token');
});

async function spans(count: number): Promise<readonly CollectedSpan[]> {
  await until(() => collector.spans.length >= count, { seconds: 10 });
  return collector.spans;
}

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const bearer = await fixture.token(path.split('?')[0]?.split('/', 3).join('/'));
  const headers = { authorization: `Bearer ${bearer}`, ...(init.headers as object) };
  const answer = await fetch(`${fixture.origin}${path}`, { ...init, headers });
  await answer.arrayBuffer();
  return answer;
}

const toolCall = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: {
    name: 'echo',
    arguments: { text: 'private' },
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    },
  },
};
const mcpHeaders = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
  'mcp-name': 'echo',
};

describe('a call', () => {
  test('is a span of its caller’s trace, and the upstream and the vault are told of it', async () => {
    await call('/http/reports/items?q=private', {
      headers: { traceparent, tracestate: 'vendor=1' },
    });
    const [span] = await spans(1);
    expect(span).toMatchObject({
      traceId,
      parentSpanId: parent,
      name: 'GET /http/{upstream}',
      kind: 2,
      status: 0,
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/http/{upstream}',
        'http.response.status_code': 200,
        'symbolon.upstream': 'reports',
        'symbolon.grant_id': 'grant-1',
      },
      resource: { 'service.name': 'symbolon-gateway' },
    });
    const ours = `00-${traceId}-${span?.spanId}-01`;
    expect(fixture.seen[0]?.headers).toMatchObject({ traceparent: ours, tracestate: 'vendor=1' });
    expect(fixture.vault.traces).toEqual([ours]);
  });

  test('bears the id of its access line', async () => {
    fixture.log.length = 0;
    await call('/http/reports/items');
    const [span] = await spans(1);
    const id = String(span?.attributes['symbolon.request_id']);
    expect(await until(() => fixture.log.join('').includes(id), { seconds: 10 })).toBe(true);
  });

  test('of MCP says its method and tool, and its upstream is told too', async () => {
    fixture.serve = (_request, response) =>
      void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end('{"jsonrpc":"2.0","id":1,"result":{"content":[]}}');
    const body = JSON.stringify(toolCall);
    const answer = await call('/mcp/tools', { method: 'POST', headers: mcpHeaders, body });
    expect(answer.status).toBe(200);
    const [span] = await spans(1);
    expect(span).toMatchObject({
      parentSpanId: '',
      name: 'POST /mcp/{upstream}',
      attributes: {
        'symbolon.upstream': 'tools',
        'mcp.method.name': 'tools/call',
        'gen_ai.tool.name': 'echo',
      },
    });
    expect(fixture.seen.at(-1)?.headers['traceparent']).toBe(
      `00-${span?.traceId}-${span?.spanId}-01`,
    );
  });

  test('whose token is replaced tells the vault of its own trace, whoever opened the connection', async () => {
    await call('/http/reports/items', { headers: { traceparent } });
    fixture.vault.traces.length = 0;
    const another = 'b'.repeat(32);
    fixture.serve = (request, response) =>
      void response
        .writeHead(request.headers.authorization === 'Bearer upstream-token' ? 401 : 200)
        .end();
    fixture.vault.answer = () => tokenAnswer('a-newer-token', { grant_version: 2 });
    const answer = await call('/http/reports/items', {
      headers: { traceparent: `00-${another}-${parent}-01` },
    });
    expect(answer.status).toBe(200);
    expect(fixture.vault.traces.map((trace) => trace?.slice(3, 35))).toEqual([another]);
    await spans(2);
  });

  test('says no method that is none, and masks a tool that looks like a token', async () => {
    const method = 'x'.repeat(60_000);
    const tool = `eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.${'s'.repeat(60)}`;
    const headers = { ...mcpHeaders, 'mcp-method': method.slice(0, 100) };
    await call('/mcp/tools', {
      method: 'POST',
      headers,
      body: JSON.stringify({ ...toolCall, method }),
    });
    const params = { ...toolCall.params, name: tool };
    await call('/mcp/tools', {
      method: 'POST',
      headers: { ...mcpHeaders, 'mcp-name': tool },
      body: JSON.stringify({ ...toolCall, params }),
    });
    const [first, second] = await spans(2);
    expect(first?.attributes['mcp.method.name']).toBe('_OTHER');
    expect(second?.attributes['mcp.method.name']).toBe('tools/call');
    expect(second?.attributes['gen_ai.tool.name']).not.toContain('eyJ');
  });

  test('that is refused is one too, and no failure of ours', async () => {
    const answer = await fetch(`${fixture.origin}/http/reports/items`);
    expect(answer.status).toBe(401);
    const [span] = await spans(1);
    expect([span?.status, span?.attributes['http.response.status_code']]).toEqual([0, 401]);
  });

  test('that fails is marked', async () => {
    fixture.serve = (_request, response) => void response.writeHead(503).end();
    await call('/http/reports/items', { method: 'POST', body: 'x' });
    const [span] = await spans(1);
    expect([span?.status, span?.attributes['error.type']]).toEqual([2, '503']);
  });
});

test('row 40, log leaks: no token, no person, no path and no argument is in any trace', async () => {
  const bearer = await fixture.token('/http/reports');
  for (const tracestate of [`a=${bearer}`, `a=${'private'.repeat(100)}`])
    await fetch(`${fixture.origin}/http/reports/private-path?token=private`, {
      headers: { authorization: `Bearer ${bearer}`, traceparent, tracestate },
    });
  await spans(2);
  const all = String(Buffer.concat(collector.bodies));
  expect(all).toContain('symbolon.request_id');
  expect(all).not.toMatch(/private|upstream-token|alice|Bearer|eyJ/);
});
