import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DualEraUpstream } from './dual-era-fixture.js';
import { startGateway, type GatewayOptions, type TestGateway } from './mcp-gateway-fixture.js';
import { PersonVault } from './person-vault-fixture.js';

const version = '2026-07-28';
let upstream: DualEraUpstream;
let vault: PersonVault;
let gateway: TestGateway;
let clients: Client[];

beforeEach(async () => {
  upstream = new DualEraUpstream();
  await upstream.listen();
  vault = new PersonVault();
  clients = [];
  await start();
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close().catch(() => undefined)));
  await gateway.close();
  await upstream.close();
});

async function start(options: GatewayOptions = {}): Promise<void> {
  await gateway?.close();
  gateway = await startGateway(upstream.url, vault, { holdMs: 5000, ...options });
}

interface Wire {
  readonly headers: Headers;
  readonly body: { method?: string; params?: Record<string, unknown> } | undefined;
}

async function connect(
  token: string,
  elicitation: { url?: Record<string, never> } | undefined,
  onElicit: (url: string) => string,
): Promise<{ client: Client; wire: Wire[] }> {
  const wire: Wire[] = [];
  const client = new Client(
    { name: 'test', version: '1' },
    {
      capabilities: elicitation === undefined ? {} : { elicitation },
      versionNegotiation: { mode: { pin: version } },
    },
  );
  if (elicitation !== undefined)
    client.setRequestHandler('elicitation/create', (request) => {
      const { params } = request;
      const url = 'url' in params ? String(params.url) : '';
      return { action: onElicit(url) as 'accept' };
    });
  const transport = new StreamableHTTPClientTransport(new URL(gateway.url), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
    fetch: async (input, init) => {
      const body =
        typeof init?.body === 'string' ? (JSON.parse(init.body) as Wire['body']) : undefined;
      wire.push({ headers: new Headers(init?.headers), body });
      return fetch(input, init);
    },
  });
  await client.connect(transport);
  clients.push(client);
  return { client, wire };
}

const text = (result: unknown): string =>
  (result as { content: { text: string }[] }).content[0]?.text ?? '';

/** A raw modern request, for what an SDK client would not send. */
async function post(
  params: Record<string, unknown>,
  more: {
    token?: string;
    method?: string;
    capabilities?: object;
    headers?: Record<string, string>;
  } = {},
) {
  const method = more.method ?? 'tools/call';
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientCapabilities': more.capabilities ?? { elicitation: { url: {} } },
  };
  const name = (params['name'] ?? params['uri']) as string | undefined;
  const response = await fetch(gateway.url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${more.token ?? 'alice.app'}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': version,
      'mcp-method': method,
      ...(name === undefined ? {} : { 'mcp-name': name }),
      ...more.headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } }),
  });
  const body = await response.text();
  const json = body.startsWith('{') ? body : (body.match(/data: (.*)/)?.[1] ?? '{}');
  return { status: response.status, headers: response.headers, json: JSON.parse(json) };
}

describe('the modern era at /mcp/{upstream}', () => {
  it('pauses once, holds the retry until the person has agreed, and then calls as that person', async () => {
    const asked: string[] = [];
    const { client, wire } = await connect('alice.app', { url: {} }, (url) => {
      asked.push(url);
      setTimeout(() => vault.consent(), 300);
      return 'accept';
    });
    expect(text(await client.callTool({ name: 'whoami', arguments: {} }))).toBe('alice');
    expect(asked).toHaveLength(1);
    expect(vault.links).toBe(1);
    const calls = wire.filter(({ body }) => body?.method === 'tools/call');
    expect(calls).toHaveLength(2);
    expect(calls.every(({ headers }) => headers.get('mcp-protocol-version') === version)).toBe(
      true,
    );
    expect(wire.some(({ body }) => body?.method === 'initialize')).toBe(false);
    expect(calls[1]?.body?.params).toMatchObject({
      inputResponses: { consent: { action: 'accept' } },
    });
    // What was ours did not go upstream.
    expect(upstream.seen.at(-1)?.body).not.toContain('requestState');
    expect(upstream.seen.at(-1)?.body).not.toContain('inputResponses');
  });

  it('answers a second call at once, without a new link', async () => {
    vault.grant('alice');
    const { client } = await connect('alice.app', { url: {} }, () => 'accept');
    expect(text(await client.callTool({ name: 'echo', arguments: { text: 'hi' } }))).toBe('hi');
    expect(text(await client.callTool({ name: 'whoami', arguments: {} }))).toBe('alice');
    expect(vault.links).toBe(0);
  });

  it("forwards the body byte for byte, the upstream's token and none of the caller's headers", async () => {
    vault.grant('alice');
    await post(
      { name: 'whoami', arguments: {} },
      { headers: { cookie: 'a=b', 'x-secret': 's', 'mcp-param-x': 'kept' } },
    );
    const seen = upstream.seen.at(-1);
    expect(seen?.headers.authorization).toBe('Bearer up:alice:0');
    expect(seen?.headers['mcp-param-x']).toBe('kept');
    expect(seen?.headers['cookie']).toBeUndefined();
    expect(seen?.headers['x-secret']).toBeUndefined();
    expect(JSON.stringify(upstream.seen)).not.toContain('alice.app');
  });

  it('keeps a 19-digit integer exact on the retry that was held', async () => {
    const first = await post({ name: 'echo', arguments: { text: 'x' } });
    const state = JSON.stringify(first.json.result.requestState);
    vault.consent();
    const raw = `{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"echo","requestState":${state},"arguments":{"text":"x"},"big":1234567890123456789,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`;
    // The digest covers `big` too, so ask for a state that does.
    const asked = await send(raw.replace(`"requestState":${state},`, ''), 'bob.app');
    const next = JSON.stringify(asked.result.requestState);
    vault.consent();
    await send(raw.replace(state, next), 'bob.app');
    expect(upstream.seen.at(-1)?.body).toContain('"big":1234567890123456789');
    expect(upstream.seen.at(-1)?.body).not.toContain('requestState');
  });

  async function send(raw: string, token: string) {
    const response = await fetch(gateway.url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': version,
        'mcp-method': 'tools/call',
        'mcp-name': 'echo',
      },
      body: raw
        .replace('"clientCapabilities":{}', '"clientCapabilities":{"elicitation":{"url":{}}}')
        .replace(
          '"io.modelcontextprotocol/clientCapabilities":{}',
          '"io.modelcontextprotocol/clientCapabilities":{"elicitation":{"url":{}}}',
        ),
    });
    return response.json();
  }

  it('answers "call again" without a second question while the consent is pending', async () => {
    await start({ holdMs: 100 });
    const first = await post({ name: 'whoami', arguments: {} });
    expect(first.json.result).toMatchObject({
      resultType: 'input_required',
      inputRequests: {
        consent: {
          method: 'elicitation/create',
          params: { mode: 'url', message: 'Connect Demo.' },
        },
      },
    });
    const { requestState } = first.json.result;
    const retry = {
      name: 'whoami',
      arguments: {},
      requestState,
      inputResponses: { consent: { action: 'accept' } },
    };
    const second = await post(retry);
    expect(second.json.result).toEqual({ resultType: 'input_required', requestState });
    expect(vault.links).toBe(1);
    vault.consent();
    const third = await post({ name: 'whoami', arguments: {}, requestState });
    expect(text(third.json.result)).toBe('alice');
  });

  it.each(['decline', 'cancel'])('turns a %s into a plain tool error', async (action) => {
    const { client } = await connect('alice.app', { url: {} }, () => action);
    const result = await client.callTool({ name: 'whoami', arguments: {} });
    expect(result.isError).toBe(true);
    expect(text(result)).toContain('declined');
    expect(upstream.seen).toHaveLength(0);
    expect([...vault.ends.values()]).toEqual(['declined']);
  });

  it('tells a held client when the person declines in the browser', async () => {
    const { client } = await connect('alice.app', { url: {} }, () => {
      setTimeout(() => vault.finish([...vault.interactions.keys()][0] ?? '', 'declined'), 100);
      return 'accept';
    });
    const result = await client.callTool({ name: 'whoami', arguments: {} });
    expect(result.isError).toBe(true);
  });

  it('gives a client without URL elicitation the link in a tool result', async () => {
    const { client } = await connect('alice.app', undefined, () => 'accept');
    const result = await client.callTool({ name: 'whoami', arguments: {} });
    expect(result.isError).toBe(true);
    expect(text(result)).toMatch(/https:\/\/vault\.example\/connect\//);
    vault.consent();
    expect(text(await client.callTool({ name: 'whoami', arguments: {} }))).toBe('alice');
  });

  it.each([
    ['prompts/get', { name: 'hello' }],
    ['resources/read', { uri: 'note://one' }],
  ])('answers %s without URL elicitation with -32021', async (method, params) => {
    const { status, json } = await post(params, { method, capabilities: { elicitation: {} } });
    expect(status).toBe(400);
    expect(json.error.code).toBe(-32021);
    expect(json.error.data).toEqual({ requiredCapabilities: { elicitation: { url: {} } } });
  });

  it('answers tools/call with -32021 in strict mode', async () => {
    await start({ strictElicitation: true });
    const { status, json } = await post({ name: 'whoami' }, { capabilities: {} });
    expect([status, json.error.code]).toEqual([400, -32021]);
  });

  it('pauses prompts and resources as it pauses tools', async () => {
    const prompt = await post({ name: 'hello' }, { method: 'prompts/get' });
    expect(prompt.json.result.resultType).toBe('input_required');
    const resource = await post({ uri: 'note://one' }, { method: 'resources/read' });
    expect(resource.json.result.resultType).toBe('input_required');
  });

  it('lists one connect tool before consent, and the real tools after it', async () => {
    const { client } = await connect('alice.app', { url: {} }, () => {
      setTimeout(() => vault.consent(), 50);
      return 'accept';
    });
    const before = await client.listTools();
    expect(before.tools.map(({ name }) => name)).toEqual(['connect_demo']);
    expect(vault.links).toBe(0);
    const connected = await client.callTool({ name: 'connect_demo', arguments: {} });
    expect(text(connected)).toContain('List the tools again');
    const after = await client.listTools();
    expect(after.tools.map(({ name }) => name)).toContain('whoami');
  });

  it("serves this person's own last list when the grant is gone, and nobody else's", async () => {
    vault.grant('alice');
    await post({}, { method: 'tools/list' });
    vault.revoke('alice');
    const own = await post({}, { method: 'tools/list' });
    expect(own.json.result.tools.map(({ name }: { name: string }) => name)).toContain('whoami');
    expect(own.json.result).toMatchObject({ ttlMs: 0, cacheScope: 'private' });
    for (const token of ['bob.app', 'alice.other']) {
      const other = await post({}, { method: 'tools/list', token });
      expect(other.json.result.tools.map(({ name }: { name: string }) => name)).toEqual([
        'connect_demo',
      ]);
    }
  });

  it('says on subscriptions/listen that the lists changed once the person has agreed', async () => {
    const abort = new AbortController();
    const response = await fetch(gateway.url, {
      method: 'POST',
      signal: abort.signal,
      headers: {
        authorization: 'Bearer alice.app',
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': version,
        'mcp-method': 'subscriptions/listen',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 'listen:1',
        method: 'subscriptions/listen',
        params: {
          notifications: { toolsListChanged: true },
          _meta: {
            'io.modelcontextprotocol/protocolVersion': version,
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      }),
    });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toContain('notifications/subscriptions/acknowledged');
    await post({ name: 'whoami' });
    vault.consent();
    const changed = (await reader.read()).value;
    expect(changed).toContain('notifications/tools/list_changed');
    expect(changed).toContain('listen:1');
    abort.abort();
  });

  it('replaces a refused token once and replays the call', async () => {
    vault.grant('alice');
    upstream.refused.add('up:alice:0');
    const { json } = await post({ name: 'whoami' });
    expect(text(json.result)).toBe('alice');
    expect(vault.replaced).toBe(1);
    expect(upstream.seen).toHaveLength(2);
  });

  it('says that the upstream refuses the stored token after the second 401, and hides its challenge', async () => {
    vault.grant('alice');
    for (const n of [0, 1, 2]) upstream.refused.add(`up:alice:${n}`);
    const { status, headers, json } = await post({ name: 'whoami' });
    expect(status).toBe(502);
    expect(json.error.data.problem).toBe('upstream-rejected-credential');
    expect(headers.get('www-authenticate')).toBeNull();
    expect(vault.replaced).toBe(1);
  });

  /** A raw call of `slow`, which logs at once and answers after 1.5 s. */
  async function callSlow(signal: AbortSignal | null = null): Promise<Response> {
    return fetch(gateway.url, {
      method: 'POST',
      signal,
      headers: {
        authorization: 'Bearer alice.app',
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': version,
        'mcp-method': 'tools/call',
        'mcp-name': 'slow',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: {
          name: 'slow',
          _meta: {
            'io.modelcontextprotocol/protocolVersion': version,
            'io.modelcontextprotocol/clientCapabilities': {},
            'io.modelcontextprotocol/logLevel': 'debug',
          },
        },
      }),
    });
  }

  it('streams: the head and the first event pass before the result', async () => {
    vault.grant('alice');
    const startedAt = performance.now();
    const response = await callSlow();
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toContain('started');
    expect(performance.now() - startedAt).toBeLessThan(1000);
    expect((await reader.read()).value).toContain('done');
  });

  it('aborts the upstream call when its client goes', async () => {
    vault.grant('alice');
    const abort = new AbortController();
    const call = callSlow(abort.signal).then((response) => response.text());
    setTimeout(() => abort.abort(), 300);
    await expect(call).rejects.toThrow(/abort|terminated/);
    await expect.poll(() => upstream.aborted).toBe(1);
  });

  it('ends an open stream when the grant is revoked', async () => {
    vault.grant('alice');
    const call = callSlow().then((response) => response.text());
    setTimeout(() => vault.revoke('alice'), 300);
    await expect(call).rejects.toThrow(/abort|terminated/);
    await expect.poll(() => upstream.aborted).toBe(1);
  });

  it('writes one access line per call, without arguments or tokens', async () => {
    vault.grant('alice');
    await post({ name: 'echo', arguments: { text: 'private words' } });
    expect(gateway.lines).toHaveLength(1);
    expect(gateway.lines[0]).toMatchObject({
      event: 'mcp.call',
      issuer: 'corporate',
      subject: 'alice',
      application: 'app',
      upstream: 'demo',
      tool: 'echo',
      grantId: 'grant-alice',
      status: 200,
    });
    expect(JSON.stringify(gateway.lines)).not.toMatch(/private words|alice\.app|up:alice/);
  });

  it('never asks the vault for an upstream that takes no credential', async () => {
    await start({ credential: 'none' });
    upstream.odd = () => ({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: '{"jsonrpc":"2.0","id":1,"result":{}}',
    });
    const { json } = await post({ name: 'whoami' });
    expect(json.result).toEqual({});
    expect(vault.requests).toHaveLength(0);
    expect(upstream.seen.at(-1)?.headers.authorization).toBeUndefined();
  });
});
