import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBody, startLocalServer, type LocalServer } from '#lib/testing/local-server';
import type { ToolStanding } from '../policy/tool-inventory.js';
import { startGateway, type TestGateway } from './mcp-gateway-fixture.js';
import { PersonVault } from './person-vault-fixture.js';
import { RawClient } from './policy-fixture.js';

interface Asked {
  readonly id: unknown;
  readonly method: string;
  readonly params?: { readonly name?: string; readonly cursor?: string };
}

let server: LocalServer;
let vault: PersonVault;
let gateway: TestGateway;
/** What the server was asked, sessions aside. */
let asked: Asked[];
/** What the server lists, page by page; undefined: it does not. */
let pages: string[][] | undefined;
let streams: boolean;
/** What the inventory says once it was told of a tool. */
let changed: Set<string>;

beforeEach(async () => {
  [asked, pages, streams, changed] = [[], [['read'], ['write']], false, new Set()];
  vault = new PersonVault();
  vault.grant('alice');
  server = await startLocalServer(async (request, response) => {
    const message = JSON.parse((await readBody(request)) || '{}') as Asked;
    if (message.id === undefined) return void response.writeHead(202).end();
    if (message.method.startsWith('tools/')) asked.push(message);
    send(response, { jsonrpc: '2.0', id: message.id, ...answerTo(message) });
  });
  const standings = new Map<string, ToolStanding>();
  const inventory = {
    seen: (_upstream: unknown, tools: readonly { name: string }[]) => {
      for (const { name } of tools) standings.set(name, changed.has(name) ? 'held' : 'known');
      return Promise.resolve();
    },
    standing: (_upstream: unknown, tool: string) => standings.get(tool) ?? ('unseen' as const),
  };
  const upstream = { toolChanges: 'hold' as const };
  gateway = await startGateway(server.origin, vault, { upstream, inventory });
});
afterEach(async () => {
  await gateway.close();
  await server.stop();
});

function answerTo({ method, params }: Asked): object {
  if (method === 'initialize')
    return {
      result: {
        ...{ protocolVersion: '2025-11-25', capabilities: { tools: {} } },
        serverInfo: { name: 'x', version: '1' },
      },
    };
  if (method === 'tools/call')
    return params?.name === 'read' || params?.name === 'write'
      ? { result: { content: [{ type: 'text', text: 'done' }] } }
      : { error: { code: -32_602, message: `no tool ${params?.name}` } };
  if (pages === undefined) return { error: { code: -32_603, message: 'not now' } };
  const at = Number(params?.cursor ?? 0);
  const tools = (pages[at] ?? []).map((name) => ({ name, inputSchema: { type: 'object' } }));
  return { result: { tools, ...(at + 1 < pages.length ? { nextCursor: String(at + 1) } : {}) } };
}

function send(response: ServerResponse, message: object): void {
  const text = JSON.stringify(message);
  if (!streams || !text.includes('"tools"'))
    return void response.writeHead(200, { 'content-type': 'application/json' }).end(text);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n');
  response.end(`data: ${text}\n\n`);
}

const methods = () => asked.map(({ method }) => method);

describe.each(['modern', 'legacy'] as const)('a tool that this replica has not seen, %s', (era) => {
  const client = () => new RawClient(gateway, era, 'alice.app');

  it.each([false, true])('is looked for on all pages, once (streamed: %s)', async (isStreamed) => {
    streams = isStreamed;
    const alice = client();
    expect((await alice.call('write')).text).toContain('done');
    expect((await alice.call('read')).text).toContain('done');
    expect(methods()).toEqual(['tools/list', 'tools/list', 'tools/call', 'tools/call']);
    expect(new Set(asked.map(({ id }) => id)).size).toBe(3);
  });

  it('rug pull: is not called where the list shows that it changed', async () => {
    changed.add('write');
    const refused = await client().call('write');
    expect([refused.status, refused.body.error?.data?.problem]).toEqual([403, 'forbidden']);
    expect(methods()).toEqual(['tools/list', 'tools/list']);
  });

  it('rug pull: is as one that does not exist where no list shows it, and is not looked for again at once', async () => {
    const alice = client();
    for (const name of ['backdoor', 'other'])
      expect((await alice.call(name)).body.error?.message).toBe(`no tool ${name}`);
    expect(JSON.stringify(asked)).not.toMatch(/backdoor|other/);
    expect(methods()).toEqual(['tools/list', 'tools/list', 'tools/call', 'tools/call']);
  });

  it('rug pull: is not called where the server does not say what it lists', async () => {
    pages = undefined;
    expect((await client().call('read')).status).toBe(502);
    expect(methods()).toEqual(['tools/list']);
  });

  it('rug pull: leads to consent first, and is looked for before the call that follows', async () => {
    vault.revoke('alice');
    changed.add('read');
    const alice = client();
    expect((await alice.call('read')).text).toMatch(/elicitation|connect/i);
    expect(asked).toEqual([]);
    vault.grant('alice');
    expect((await alice.call('read')).status).toBe(403);
    expect(methods()).not.toContain('tools/call');
  });
});
