import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  ElicitationCompleteNotificationSchema,
  ToolListChangedNotificationSchema,
  UrlElicitationRequiredError,
} from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StateSealer } from '../sealed-state.js';
import { DualEraUpstream } from './dual-era-fixture.js';
import {
  startGateway,
  testSealer,
  type GatewayOptions,
  type TestGateway,
} from './mcp-gateway-fixture.js';
import { PersonVault } from './person-vault-fixture.js';

let upstream: DualEraUpstream;
let vault: PersonVault;
let gateway: TestGateway;
let sealer: StateSealer;
let clients: Client[];

beforeEach(async () => {
  upstream = new DualEraUpstream();
  await upstream.listen();
  vault = new PersonVault();
  sealer = testSealer();
  clients = [];
  gateway = await startGateway(upstream.url, vault, { sealer });
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close().catch(() => undefined)));
  await gateway.close();
  await upstream.close();
});

async function restart(options: GatewayOptions = {}): Promise<void> {
  const { port } = new URL(gateway.url);
  await gateway.close();
  gateway = await startGateway(upstream.url, vault, { sealer, port: Number(port), ...options });
  // The client's pool must see that its old connections are closed.
  await new Promise((resolve) => setTimeout(resolve, 50));
}

async function connect(
  token: string,
  capabilities: object,
): Promise<{ client: Client; transport: StreamableHTTPClientTransport }> {
  const client = new Client({ name: 'legacy', version: '1' }, { capabilities });
  const transport = new StreamableHTTPClientTransport(new URL(gateway.url), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
    reconnectionOptions: {
      initialReconnectionDelay: 50,
      maxReconnectionDelay: 100,
      reconnectionDelayGrowFactor: 1,
      maxRetries: 20,
    },
  });
  await client.connect(transport);
  clients.push(client);
  return { client, transport };
}

const text = (result: unknown): string =>
  (result as { content: { text: string }[] }).content[0]?.text ?? '';
const url = { elicitation: { url: {} } };

async function elicited(call: Promise<unknown>): Promise<{ elicitationId: string; url: string }> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UrlElicitationRequiredError);
  return (error as UrlElicitationRequiredError).elicitations[0]!;
}

function completions(client: Client): string[] {
  const ids: string[] = [];
  client.setNotificationHandler(
    ElicitationCompleteNotificationSchema,
    ({ params }) => void ids.push(params.elicitationId),
  );
  return ids;
}

async function raw(
  method: string,
  body: object | undefined,
  more: { token?: string; session?: string; version?: string; signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(gateway.url, {
    method,
    signal: more.signal ?? null,
    headers: {
      authorization: `Bearer ${more.token ?? 'alice.app'}`,
      accept: 'application/json, text/event-stream',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(more.session === undefined ? {} : { 'mcp-session-id': more.session }),
      ...(more.version === undefined ? {} : { 'mcp-protocol-version': more.version }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
}

async function openSession(
  token = 'alice.app',
  version = '2025-11-25',
  capabilities: object = url,
): Promise<string> {
  const params = {
    protocolVersion: version,
    capabilities,
    clientInfo: { name: 'raw', version: '1' },
  };
  const response = await raw(
    'POST',
    { jsonrpc: '2.0', id: 0, method: 'initialize', params },
    { token },
  );
  return response.headers.get('mcp-session-id') ?? '';
}

const whoami = {
  jsonrpc: '2.0',
  id: 5,
  method: 'tools/call',
  params: { name: 'whoami', arguments: {} },
};

describe('the legacy era at /mcp/{upstream}', () => {
  it('answers -32042, completes on the asking session only, and then calls as that person', async () => {
    const asking = await connect('alice.app', url);
    const other = await connect('alice.app', url);
    const told = completions(asking.client);
    const toldOther = completions(other.client);
    const { elicitationId, url: link } = await elicited(
      asking.client.callTool({ name: 'whoami', arguments: {} }),
    );
    expect(link).toMatch(/^https:\/\/vault\.example\/connect\//);
    vault.consent();
    await expect.poll(() => told).toEqual([elicitationId]);
    expect(text(await asking.client.callTool({ name: 'whoami', arguments: {} }))).toBe('alice');
    expect(toldOther).toEqual([]);
  });

  it('gives a fresh link and a fresh elicitation id with every -32042', async () => {
    const { client } = await connect('alice.app', url);
    const first = await elicited(client.callTool({ name: 'whoami', arguments: {} }));
    const second = await elicited(client.callTool({ name: 'whoami', arguments: {} }));
    expect(second.url).not.toBe(first.url);
    expect(second.elicitationId).not.toBe(first.elicitationId);
    expect(vault.interactions.size).toBe(1);
  });

  it('completes on the next GET stream what ended while there was none', async () => {
    const session = await openSession();
    const pause = await (await raw('POST', whoami, { session })).json();
    expect(pause.error.code).toBe(-32042);
    vault.consent();
    const abort = new AbortController();
    const stream = await raw('GET', undefined, { session, signal: abort.signal });
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toContain(pause.error.data.elicitations[0].elicitationId);
    abort.abort();
  });

  it('lists one connect tool before consent, says when the lists changed, and lists the real tools after it', async () => {
    const { client } = await connect('alice.app', url);
    let changed = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (changed += 1));
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['connect_demo']);
    expect((await client.listPrompts()).prompts).toEqual([]);
    expect((await client.listResources()).resources).toEqual([]);
    await client.ping();
    expect(upstream.seen).toHaveLength(0);
    await elicited(client.callTool({ name: 'connect_demo', arguments: {} }));
    vault.consent();
    await expect.poll(() => changed).toBeGreaterThan(0);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('whoami');
    expect(text(await client.callTool({ name: 'connect_demo', arguments: {} }))).toContain(
      'List the tools again',
    );
  });

  it('gives a client without URL elicitation the link in a tool result', async () => {
    const { client } = await connect('alice.app', { elicitation: {} });
    const result = await client.callTool({ name: 'whoami', arguments: {} });
    expect(result.isError).toBe(true);
    expect(text(result)).toMatch(/https:\/\/vault\.example\/connect\//);
    await expect(client.getPrompt({ name: 'hello' })).rejects.toMatchObject({ code: -32000 });
    vault.consent();
    expect(text(await client.callTool({ name: 'whoami', arguments: {} }))).toBe('alice');
  });

  it.each(['2025-06-18', '2025-03-26'])(
    'never answers -32042 where %s was negotiated',
    async (version) => {
      const session = await openSession('alice.app', version);
      const body = await (await raw('POST', whoami, { session, version })).json();
      expect(body.result.isError).toBe(true);
    },
  );

  it('passes initialize to the upstream where the person has a grant, and replaces the session id', async () => {
    vault.grant('alice');
    const { client, transport } = await connect('alice.app', url);
    expect(client.getServerVersion()?.name).toBe('demo');
    expect(text(await client.callTool({ name: 'whoami', arguments: {} }))).toBe('alice');
    const theirs = upstream.seen.map(({ headers }) => headers['mcp-session-id']).find(Boolean);
    expect(theirs).toBeDefined();
    expect(transport.sessionId).not.toBe(theirs);
    expect(upstream.seen.filter(({ body }) => body.includes('"initialize"'))).toHaveLength(1);
    expect(JSON.stringify(upstream.seen)).not.toContain(transport.sessionId);
  });

  it("merges the upstream's own messages into the GET stream", async () => {
    vault.grant('alice');
    const { client } = await connect('alice.app', url);
    let changed = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (changed += 1));
    await expect.poll(() => upstream.seen.some(({ method }) => method === 'GET')).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await upstream.announceTools();
    await expect.poll(() => changed).toBe(1);
  });

  it('survives a restart of the gateway without the client noticing', async () => {
    vault.grant('alice');
    const { client } = await connect('alice.app', url);
    await client.callTool({ name: 'whoami', arguments: {} });
    await restart();
    expect(text(await client.callTool({ name: 'whoami', arguments: {} }))).toBe('alice');
  });

  it('opens a new upstream session when the upstream has forgotten the old one', async () => {
    vault.grant('alice');
    const { client } = await connect('alice.app', url);
    await client.callTool({ name: 'whoami', arguments: {} });
    upstream.forgetSessions();
    expect(text(await client.callTool({ name: 'whoami', arguments: {} }))).toBe('alice');
  });

  it('does not reuse an upstream session under another grant', async () => {
    vault.grant('alice');
    const session = await openSession();
    await (await raw('POST', whoami, { session })).text();
    const before = upstream.seen.at(-1)?.headers['mcp-session-id'];
    vault.suffix = '-new';
    await (await raw('POST', whoami, { session })).text();
    expect(upstream.seen.at(-1)?.headers['mcp-session-id']).not.toBe(before);
  });

  it('replaces a refused token once and replays the call', async () => {
    vault.grant('alice');
    const { client } = await connect('alice.app', url);
    upstream.refused.add('up:alice:0');
    expect(text(await client.callTool({ name: 'whoami', arguments: {} }))).toBe('alice');
    expect(vault.replaced).toBeGreaterThan(0);
  });

  it('ends a session at every replica and at the upstream on DELETE', async () => {
    vault.grant('alice');
    const { client, transport } = await connect('alice.app', url);
    await client.callTool({ name: 'whoami', arguments: {} });
    const session = transport.sessionId!;
    await transport.terminateSession();
    expect(vault.endedSessions).toHaveLength(1);
    expect((await raw('POST', whoami, { session })).status).toBe(404);
    await expect.poll(() => upstream.seen.some(({ method }) => method === 'DELETE')).toBe(true);
  });

  it('forgets a session that was ended at another replica', async () => {
    const session = await openSession();
    const second = await startGateway(upstream.url, vault, { sealer });
    await raw('DELETE', undefined, { session });
    const response = await fetch(second.url, {
      method: 'POST',
      headers: {
        authorization: 'Bearer alice.app',
        'content-type': 'application/json',
        'mcp-session-id': session,
      },
      body: JSON.stringify(whoami),
    });
    await second.close();
    expect(response.status).toBe(404);
  });

  it('a session presented by somebody else, or through another application, is 404', async () => {
    vault.grant('alice');
    vault.grant('bob');
    const session = await openSession();
    for (const token of ['bob.app', 'alice.other'])
      expect((await raw('POST', whoami, { session, token })).status).toBe(404);
    expect((await raw('POST', whoami, { session })).status).toBe(200);
  });

  it('a changed, foreign or overlong session id is 404 and a missing one is 400', async () => {
    const session = await openSession();
    const flipped = (session.startsWith('A') ? 'B' : 'A') + session.slice(1);
    for (const wrong of [flipped, `${session}A`, session.slice(0, -1), 'x', 'A'.repeat(9000)])
      expect((await raw('POST', whoami, { session: wrong })).status).toBe(404);
    expect((await raw('POST', whoami)).status).toBe(400);
    expect((await raw('GET', undefined)).status).toBe(400);
    expect((await raw('DELETE', undefined)).status).toBe(400);
  });

  it('a disconnect cancels nothing at the upstream', async () => {
    vault.grant('alice');
    const session = await openSession();
    const abort = new AbortController();
    const slow = {
      jsonrpc: '2.0',
      id: 7,
      method: 'tools/call',
      params: { name: 'slow', arguments: {} },
    };
    const call = raw('POST', slow, { session, signal: abort.signal }).then((response) =>
      response.text(),
    );
    setTimeout(() => abort.abort(), 300);
    await expect(call).rejects.toThrow(/abort|terminated/);
    await new Promise((resolve) => setTimeout(resolve, 1700));
    expect(upstream.aborted).toBe(0);
    expect(JSON.stringify(upstream.seen)).not.toContain('cancelled');
  });

  it('a revoke ends the call that is under way', async () => {
    vault.grant('alice');
    const session = await openSession();
    const slow = {
      jsonrpc: '2.0',
      id: 7,
      method: 'tools/call',
      params: { name: 'slow', arguments: {} },
    };
    const call = raw('POST', slow, { session }).then(async (response) => ({
      status: response.status,
      body: await response.text(),
    }));
    setTimeout(() => vault.revoke('alice'), 300);
    const outcome = await call.catch(() => 'cut off');
    expect(JSON.stringify(outcome)).not.toContain('done');
    await expect.poll(() => upstream.aborted).toBeGreaterThan(0);
  });

  it('row 30, stream exhaustion: a person holds at most 32 streams open, and others are not affected', async () => {
    const session = await openSession();
    const abort = new AbortController();
    const statuses: number[] = [];
    for (let i = 0; i < 33; i += 1)
      statuses.push((await raw('GET', undefined, { session, signal: abort.signal })).status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(32);
    expect(statuses.at(-1)).toBe(429);
    const bob = await openSession('bob.app');
    expect(
      (await raw('GET', undefined, { session: bob, token: 'bob.app', signal: abort.signal }))
        .status,
    ).toBe(200);
    abort.abort();
    await expect
      .poll(async () => {
        const again = new AbortController();
        const { status } = await raw('GET', undefined, { session, signal: again.signal });
        again.abort();
        return status;
      })
      .toBe(200);
  });

  it('passes straight through where the upstream takes no credential, with sessions that are still bound to the person', async () => {
    await restart({ credential: 'none' });
    upstream.odd = (body) =>
      body.includes('"initialize"')
        ? {
            status: 200,
            headers: { 'content-type': 'application/json', 'mcp-session-id': 'theirs' },
            body: '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"x","version":"1"}}}',
          }
        : {
            status: 200,
            headers: { 'content-type': 'application/json' },
            body: '{"jsonrpc":"2.0","id":5,"result":{}}',
          };
    const session = await openSession();
    expect(session).not.toBe('theirs');
    expect((await raw('POST', whoami, { session })).status).toBe(200);
    expect(upstream.seen.at(-1)?.headers).toMatchObject({ 'mcp-session-id': 'theirs' });
    expect((await raw('POST', whoami, { session, token: 'bob.app' })).status).toBe(404);
    expect(vault.requests).toHaveLength(0);
  });
});
