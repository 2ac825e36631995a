import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import { startGateway, type GatewayOptions, type TestGateway } from './mcp-gateway-fixture.js';
import { PersonVault } from './person-vault-fixture.js';
import { RawClient, toolPolicy } from './policy-fixture.js';

/** Bytes that neither parsing nor printing would leave alone. */
const odd =
  '{"name" : "keep","inputSchema":{"maximum":9007199254740993, "minimum":1.0},"x":"\\u00e9"}';
const gone = '{"name":"secret","description":"] } \\" [ {"}';
const held = '{"name":"gone","nested":{"tools":[{"name":"inner"}]}}';

let http: Server;
let vault: PersonVault;
let gateway: TestGateway;
/** What the server answers `tools/list` with. */
let answer: (response: ServerResponse, id: unknown, request: IncomingMessage) => void;
let initialized: Record<string, unknown>;

beforeEach(async () => {
  vault = new PersonVault();
  vault.grant('alice');
  initialized = { capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } };
  http = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString('utf8');
      const { id, method } = text === '' ? { id: null, method: 'GET' } : JSON.parse(text);
      if (method === 'initialize') {
        const result = { protocolVersion: '2025-11-25', ...initialized };
        return json(response, JSON.stringify({ jsonrpc: '2.0', id, result }));
      }
      if (id === undefined) return response.writeHead(202).end();
      answer(response, id, request);
      return undefined;
    })();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await gateway.close();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
});

function json(response: ServerResponse, text: string) {
  response.writeHead(200, { 'content-type': 'application/json' }).end(text);
}

function events(response: ServerResponse, pieces: readonly string[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const piece of pieces) response.write(piece);
  response.end();
}

async function serve(
  registered: Partial<UpstreamConfig>,
  options: GatewayOptions = {},
): Promise<void> {
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  gateway = await startGateway(url, vault, { upstream: registered, ...options });
}

const hiding = { tools: toolPolicy({ secret: { hidden: true }, gone: { hidden: true } }) };
const list = (era: 'modern' | 'legacy') =>
  new RawClient(gateway, era, 'alice.app').ask('tools/list');

describe.each(['modern', 'legacy'] as const)('a list of tools, %s', (era) => {
  const scope = era === 'modern' ? ',"cacheScope":"private"' : '';

  it('loses what may not be seen, and nothing else of it changes', async () => {
    await serve(hiding);
    const around = (inner: string, more: string) =>
      `{ "jsonrpc":"2.0","result":{"nextCursor":"n", "tools" : [${inner}]${more},"_meta":{"n":1e400}},"id":7 }\n`;
    answer = (response) => json(response, around(`${gone}, ${odd} ,${held}`, ''));
    expect((await list(era)).text).toBe(around(odd, scope));
  });

  it('is left as it is where nothing is taken out', async () => {
    await serve(hiding);
    const text = `{"id":7,"jsonrpc":"2.0","result":{"cacheScope":"private","tools":[ ${odd} ]}}`;
    answer = (response) => json(response, text);
    expect((await list(era)).text).toBe(text);
  });

  it('may be empty, and the pages go on', async () => {
    await serve(hiding);
    answer = (response) =>
      json(response, `{"jsonrpc":"2.0","id":7,"result":{"tools":[${gone}],"nextCursor":"2"}}`);
    const { body } = await list(era);
    expect(body.result).toMatchObject({ tools: [], nextCursor: '2' });
  });

  it('in a stream is thinned out alone; what else comes stays byte for byte', async () => {
    await serve(hiding);
    const before =
      ': hello\r\n\r\nevent: message\r\nid: 1\r\ndata: {"jsonrpc":"2.0", "method":"notifications/message","params":{"tools":[{"name":"secret"}]}}\r\n\r\n';
    const after = 'retry: 10\n\nid: 3\ndata:\n\n: bye';
    const event = (inner: string, more: string) =>
      `id: 2\nevent: message\ndata: {"jsonrpc":"2.0","id":7,"result":{"tools":[${inner}]${more}}}\n\n`;
    const sent = before + event(`${odd},${gone}`, '') + after;
    // In pieces that end anywhere: in the middle of a character, of a blank line.
    const pieces = sent.match(/[^]{1,7}/g) ?? [];
    answer = (response) => events(response, pieces);
    expect((await list(era)).text).toBe(before + event(odd, scope) + after);
  });

  it.each([
    ['data in several lines', (text: string) => text.replace(',"result"', ',\ndata: "result"')],
    ['line feeds and carriage returns mixed', (text: string) => text.replace('\n\n', '\n\r\n')],
    ['no blank line at the end', (text: string) => text.trimEnd()],
    ['a byte order mark', (text: string) => `\uFEFF${text}`],
    ['the id as text', (text: string) => text.replace('"id":7', '"id":"7"')],
    ['an old batch', (text: string) => text.replace(/data: (\{.*\})/, 'data: [$1]')],
    ['escaped names', (text: string) => text.replace('"tools"', '"t\\u006fols"')],
    ['two lists', (text: string) => text.replace('"tools"', '"tools":[],"tools"')],
  ])('filter evasion by an odd server: %s shows nothing more', async (_how, oddly) => {
    await serve(hiding);
    const text = oddly(`data: {"jsonrpc":"2.0","id":7,"result":{"tools":[${gone},${odd}]}}\n\n`);
    answer = (response) => events(response, [': start\n\n', text]);
    const answered = await list(era);
    expect(answered.text).not.toContain('secret');
    expect(answered.text).toContain('keep');
  });

  it('filter evasion by an odd server: what only some read as JSON is not handed on', async () => {
    await serve(hiding);
    const text = `data: {"jsonrpc":"2.0","id":7,"result":{"tools":[${gone}],"n":NaN}}\n\n`;
    answer = (response) => events(response, [': start\n\n', text, ': end\n\n']);
    expect((await list(era)).text).toBe(': start\n\n: end\n\n');
  });

  it('filter evasion by an odd server: a byte order mark before JSON shows nothing more', async () => {
    await serve(hiding);
    answer = (response) =>
      json(response, `\uFEFF{"jsonrpc":"2.0","id":7,"result":{"tools":[${gone},${odd}]}}`);
    expect((await list(era)).text).not.toContain('secret');
  });

  it('that is no JSON is cut off: what cannot be judged is not handed on', async () => {
    await serve(hiding);
    answer = (response) => json(response, `{"result":{"tools":[${gone}]`);
    await expect(list(era)).rejects.toThrow();
  });

  it('an error passes as it is, whatever it is', async () => {
    await serve(hiding);
    answer = (response) =>
      void response.writeHead(400, { 'content-type': 'application/json' }).end('no JSON');
    const { status, text } = await list(era);
    expect([status, text]).toEqual([400, 'no JSON']);
  });

  it('of an upstream without rules passes byte for byte', async () => {
    await serve({});
    const text = `{ "jsonrpc":"2.0","id":7,\n"result":{"tools":[${gone},${odd}],"tools":[]}}`;
    answer = (response) => json(response, text);
    expect((await list(era)).text).toBe(text);
    const stream = `\uFEFF: x\r\rdata:{"id":7,"result":{"tools":[${gone}]}}\n\r\n`;
    answer = (response) => events(response, [stream]);
    expect((await list(era)).text).toBe(stream.slice(1));
  });

  it('that was remembered is judged anew when it goes out again', async () => {
    const sealer = { ...hiding, tools: toolPolicy({ secret: { claims: { a: { equals: 'b' } } } }) };
    const people = { alice: { claims: { a: 'b' } as Record<string, unknown> } };
    await serve(sealer, { people });
    answer = (response) =>
      json(response, `{"jsonrpc":"2.0","id":7,"result":{"tools":[${gone},${odd}]}}`);
    expect((await list(era)).text).toContain('secret');
    vault.revoke('alice');
    expect((await list(era)).text).toContain('secret');
    people.alice.claims = {};
    const after = await list(era);
    expect(after.text).not.toContain('secret');
    expect(after.text).toContain('keep');
  });

  it('is seen as the server gave it, before it is judged', async () => {
    const seen: string[][] = [];
    let isHeld = false;
    const inventory = {
      seen: (_upstream: unknown, tools: readonly { name: string }[]) => {
        seen.push(tools.map(({ name }) => name));
        return new Promise<void>((resolve) => {
          setImmediate(() => {
            isHeld = true;
            resolve();
          });
        });
      },
      standing: (_upstream: unknown, tool: string) =>
        isHeld && tool === 'keep' ? ('held' as const) : ('known' as const),
    };
    await serve({ ...hiding, toolChanges: 'hold' }, { inventory });
    answer = (response) =>
      json(
        response,
        `{"jsonrpc":"2.0","id":7,"result":{"tools":[${gone},${odd},{"name":"other"}]}}`,
      );
    expect(await new RawClient(gateway, era, 'alice.app').tools()).toEqual(['other']);
    expect(seen).toEqual([['secret', 'keep', 'other']]);
    expect((await new RawClient(gateway, era, 'alice.app').call('keep')).status).toBe(403);
  });
});

it('a list that a resumed stream replays is thinned out too', async () => {
  await serve(hiding);
  const client = new RawClient(gateway, 'legacy', 'alice.app');
  answer = (response) => json(response, '{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}');
  await client.tools();
  answer = (response, _id, request) => {
    if (request.method !== 'GET') return json(response, '{}');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`id: 3\ndata: {"jsonrpc":"2.0","id":9,"result":{"tools":[${gone},${odd}]}}\n\n`);
    response.write('id: 4\ndata: {"jsonrpc":"2.0","method":"notifications/message"}\n\n');
  };
  const leave = new AbortController();
  const stream = await fetch(gateway.url, {
    headers: {
      authorization: 'Bearer alice.app',
      accept: 'text/event-stream',
      'mcp-session-id': client.session ?? '',
      'last-event-id': '2',
    },
    signal: leave.signal,
  });
  let text = '';
  for await (const chunk of stream.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (text.includes('id: 4')) break;
  }
  leave.abort();
  expect(text).toContain(odd);
  expect(text).not.toContain('secret');
  expect(text).toContain('data: {"jsonrpc":"2.0","method":"notifications/message"}\n\n');
});
