import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type GatewayFixture,
  startGatewayFixture,
  tokenAnswer,
  upstreamOf,
} from '../gateway-fixture.js';
import { type Posted, RawClient, toolPolicy } from './policy-fixture.js';

/** Attacks on a whole gateway, with a server behind it that is as lenient as servers are. */
const rules = toolPolicy({
  status: { public: true },
  'debug_*': { hidden: true },
  wipe: { claims: { role: { equals: 'admin' } } },
});

let fixture: GatewayFixture;
let person = 0;
/** Bodies that the server received. */
const heard: string[] = [];

beforeAll(async () => {
  fixture = await startGatewayFixture({
    upstreams: (origin) => [
      upstreamOf('snow', `${origin}/snow`, { type: 'mcp', tools: rules, public: true }),
      upstreamOf('asked', `${origin}/asked`, { type: 'mcp', tools: rules, public: true }),
      upstreamOf('own', `${origin}/own`, { type: 'mcp', callerHeader: 'x-brought' }),
      upstreamOf('small', `${origin}/small`, { type: 'mcp', limits: { bodyBytes: 1024 } }),
    ],
  });
});
afterAll(() => fixture.stop());
beforeEach(() => {
  person += 1;
  fixture.vault.answer = () => tokenAnswer(`up-${person}`, { grant_id: `grant-${person}` });
  fixture.serve = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    heard.push(text);
    answer(text, response);
  };
});
afterEach(() => void heard.splice(0));

/** Of what it does not know the server says so, in JSON with a length. */
function answer(text: string, response: ServerResponse): void {
  const { id, method, params } = JSON.parse(text === '' ? '{}' : text);
  const result =
    method === 'initialize'
      ? { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 's', version: '1' } }
      : { isError: true, content: [{ type: 'text', text: `Tool ${params?.name} not found` }] };
  const body = JSON.stringify({ jsonrpc: '2.0', id, result });
  response
    .writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(method === 'initialize' ? { 'mcp-session-id': `up-session-${heard.length}` } : {}),
    })
    .end(body);
}

async function client(
  era: 'modern' | 'legacy',
  slug = 'snow',
  signedIn = true,
): Promise<RawClient> {
  const token = await fixture.token(`/mcp/${slug}`, { sub: `person-${person}` });
  return new RawClient({ url: `${fixture.origin}/mcp/${slug}` }, era, signedIn ? token : undefined);
}

const legacy = { 'mcp-protocol-version': '2025-11-25' };
const calls = () => heard.filter((text) => text.includes('tools/call'));

describe.each([true, false])('rule evasion, signed in: %s', (signedIn) => {
  test.each(['tools/call', 'tools/list', 'resources/read'])(
    '%s without an id is no notification: it is refused and never heard',
    async (method) => {
      const body = JSON.stringify({ jsonrpc: '2.0', method, params: { name: 'wipe' } });
      const old = await client('legacy', 'snow', signedIn);
      const session = { ...legacy, 'mcp-session-id': await old.initialize() };
      const modern = { 'mcp-protocol-version': '2026-07-28' };
      heard.splice(0);
      const statuses = [
        (await old.post(body, session)).status,
        (await old.post(body, modern)).status,
      ];
      expect([statuses, heard]).toEqual([[400, 400], []]);
    },
  );

  test.each([
    ['a second method', { method: 'tools/list', Method: 'tools/call', params: { name: 'wipe' } }],
    ['a second name', { method: 'tools/call', params: { name: 'status', Name: 'wipe' } }],
    [
      'second params',
      { method: 'tools/call', params: { name: 'status' }, PARAMS: { name: 'wipe' } },
    ],
    ['a long s', { method: 'tools/call', params: { name: 'status' }, paramſ: { name: 'wipe' } }],
    ['a response that is a call', { result: {}, Method: 'tools/call', Params: { name: 'wipe' } }],
  ])('%s for decoders that do not care for case is refused', async (_what, members) => {
    const old = await client('legacy', 'snow', signedIn);
    const session = { ...legacy, 'mcp-session-id': await old.initialize() };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, ...members });
    expect([(await old.post(body, session)).status, calls()]).toEqual([400, []]);
  });
});

test.each(['tools/call ', 'Tools/Call', '\ttools/LIST'])(
  'rule evasion: %s is no method, and never heard',
  async (method) => {
    const old = await client('legacy');
    const session = { ...legacy, 'mcp-session-id': await old.initialize() };
    heard.splice(0);
    const params = { name: 'wipe' };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    expect([(await old.post(body, session)).status, heard]).toEqual([404, []]);
  },
);

test('rule evasion: arguments may have names that differ in case', async () => {
  const { status } = await (await client('modern')).call('other', { a: 1, A: 2 });
  expect([status, calls()[0]]).toEqual([200, expect.stringContaining('"a":1,"A":2')]);
});

describe.each(['modern', 'legacy'] as const)('hidden-tool probing, %s', (era) => {
  const shown = ({ status, headers, text }: Posted, name: string) => {
    const kept = [...headers].filter(([header]) => header !== 'date');
    const length =
      Number(headers.get('content-length') ?? 0) - Buffer.byteLength(JSON.stringify(name));
    const sized = kept.map(([header, value]) => [
      header,
      header === 'content-length' ? length : value,
    ]);
    return { status, sized, text: text.replaceAll(JSON.stringify(name).slice(1, -1), '?') };
  };

  test.each(['debug_1', "debug_$&$'$`$1", 'debug_"\\'])(
    '%s answers as what does not exist, to the last header',
    async (hidden) => {
      const caller = await client(era);
      const unknown = hidden.replace('debug', 'other');
      const [one, other] = [await caller.call(hidden), await caller.call(unknown)];
      expect(shown(one, hidden)).toEqual(shown(other, unknown));
      expect(calls()[0]).not.toContain('debug');
    },
  );
});

test('a public credential that is refused is replaced once, and whoever makes the server refuse asks the vault no more', async () => {
  const { serve } = fixture;
  let good = 'Bearer public-2';
  fixture.serve = (request, response) =>
    request.headers.authorization === good
      ? serve(request, response)
      : void response.writeHead(401).end();
  let made = 0;
  const publicly = { grant_id: undefined, grant_version: undefined };
  fixture.vault.answer = () => tokenAnswer(`public-${++made}`, publicly);
  const anybody = await client('modern', 'asked', false);
  expect((await anybody.call('status')).status).toBe(200);
  good = 'none';
  const refused = [(await anybody.call('status')).status, (await anybody.call('status')).status];
  expect([refused, made]).toEqual([[502, 502], 2]);
});

test('hidden-tool probing: a resumed stream does not tell either', async () => {
  const { serve } = fixture;
  fixture.serve = (request, response) => {
    if (request.method !== 'GET') return serve(request, response);
    const { name } = JSON.parse(calls()[0] ?? '').params;
    const result = { isError: true, content: [{ type: 'text', text: `Tool ${name} not found` }] };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`id: 2\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: 7, result })}\n\n`);
  };
  const caller = await client('legacy');
  await caller.call('debug_1');
  const left = new AbortController();
  const resumed = await fetch(`${fixture.origin}/mcp/snow`, {
    headers: {
      ...legacy,
      authorization: `Bearer ${caller.bearer}`,
      accept: 'text/event-stream',
      'mcp-session-id': caller.session ?? '',
      'last-event-id': '1',
    },
    signal: left.signal,
  });
  let text = '';
  const reader = resumed.body?.pipeThrough(new TextDecoderStream()).getReader();
  while (!text.includes('not found')) text += (await reader?.read())?.value ?? 'ended: not found';
  left.abort();
  expect(text).toContain('Tool debug_1 not found');
});

test('session confusion: what one account’s session knew is not for a token that was brought', async () => {
  const caller = await client('legacy', 'own');
  const session = { ...legacy, 'mcp-session-id': await caller.initialize() };
  const listed = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
  fixture.seen.length = 0;
  const used = async (headers: Record<string, string>) => {
    await caller.post(listed, { ...session, ...headers });
    return fixture.seen.at(-1)?.headers;
  };
  const [one, two, again] = [
    await used({ 'x-brought': 'account-one' }),
    await used({ 'x-brought': 'account-two' }),
    await used({ 'x-brought': 'account-two' }),
  ];
  expect([one, two].map((sent) => sent?.authorization)).toEqual([
    'Bearer account-one',
    'Bearer account-two',
  ]);
  expect(one?.['mcp-session-id']).not.toBe(two?.['mcp-session-id']);
  expect(again?.['mcp-session-id']).toBe(two?.['mcp-session-id']);
});

test('row 30, a body without a length that is larger than its limit is 413, and never heard', async () => {
  const token = await fixture.token('/mcp/small');
  const piece = new TextEncoder().encode(' '.repeat(512));
  let pieces = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      pieces += 1;
      if (pieces > 8) controller.close();
      else controller.enqueue(piece);
    },
  });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const init = { method: 'POST', headers, body, duplex: 'half' } as const;
  const refused = await fetch(`${fixture.origin}/mcp/small`, init);
  expect([refused.status, heard]).toEqual([413, []]);
  expect(await refused.json()).toMatchObject({ error: { data: { problem: 'too-large' } } });
});
