import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DualEraUpstream } from './dual-era-fixture.js';
import { startGateway, type GatewayOptions, type TestGateway } from './mcp-gateway-fixture.js';
import { PersonVault } from './person-vault-fixture.js';

const version = '2026-07-28';
const json = { 'content-type': 'application/json' };
let upstream: DualEraUpstream;
let vault: PersonVault;
let gateway: TestGateway;

beforeEach(async () => {
  upstream = new DualEraUpstream();
  await upstream.listen();
  vault = new PersonVault();
  await start({ holdMs: 5000 });
});

afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

async function start(options: GatewayOptions): Promise<void> {
  await gateway?.close();
  gateway = await startGateway(upstream.url, vault, options);
}

async function send(
  method: string,
  params: Record<string, unknown>,
  signal?: AbortSignal,
): Promise<Response> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } },
  };
  return fetch(gateway.url, {
    method: 'POST',
    signal: signal ?? null,
    headers: {
      authorization: 'Bearer alice.app',
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': version,
      'mcp-method': method,
      ...(typeof params['name'] === 'string' ? { 'mcp-name': params['name'] } : {}),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } }),
  });
}

const call = async (params: Record<string, unknown>) =>
  (await send('tools/call', { name: 'whoami', ...params })).json();
const onlyInteraction = () => [...vault.interactions.keys()].at(-1) ?? '';
const accept = { inputResponses: { consent: { action: 'accept' } } };

describe('a pause of the modern era', () => {
  it("gives the upstream's own interrupted round back to it after consent", async () => {
    const theirs = {
      requestState: 'theirs',
      inputResponses: { confirm: { action: 'accept', content: { n: 1 } } },
    };
    const paused = await call(theirs);
    expect(paused.result.resultType).toBe('input_required');
    vault.consent();
    upstream.odd = () => ({
      status: 200,
      headers: json,
      body: '{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[]}}',
    });
    await call({ requestState: paused.result.requestState, ...accept });
    expect(JSON.parse(upstream.seen.at(-1)!.body).params).toMatchObject(theirs);
  });

  it("passes the upstream's own input_required and its state through unchanged", async () => {
    vault.grant('alice');
    const body =
      '{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","requestState":"theirs"}}';
    upstream.odd = () => ({ status: 200, headers: json, body });
    expect((await call({})).result.requestState).toBe('theirs');
    await call({ requestState: 'theirs' });
    expect(upstream.seen.at(-1)?.body).toContain('"requestState":"theirs"');
  });

  it('asks anew when the interaction expired while the retry was held', async () => {
    const first = await call({});
    const id = onlyInteraction();
    setTimeout(() => vault.finish(id, 'expired'), 100);
    const second = await call({ requestState: first.result.requestState, ...accept });
    expect(second.result.inputRequests.consent.params.url).not.toBe(
      first.result.inputRequests.consent.params.url,
    );
    expect(vault.links).toBe(2);
  });

  it('gives up its place when the held client goes', async () => {
    const first = await call({});
    for (let i = 0; i < 9; i += 1) {
      const abort = new AbortController();
      const before = vault.requests.length;
      const held = send(
        'tools/call',
        { name: 'whoami', requestState: first.result.requestState },
        abort.signal,
      );
      const leave = async () => {
        // It is held once the vault was asked.
        await expect.poll(() => vault.requests.length).toBeGreaterThan(before);
        abort.abort();
      };
      await Promise.all([expect(held).rejects.toThrow(/abort/), leave()]);
    }
    await expect.poll(() => gateway.lines.filter(({ status }) => status === 499).length).toBe(9);
    vault.consent();
    expect((await call({ requestState: first.result.requestState })).result.content[0].text).toBe(
      'alice',
    );
  });

  it('answers what this era does not have with 404 and -32601, before consent too', async () => {
    for (const method of ['ping', 'logging/setLevel']) {
      const response = await send(method, {});
      expect([response.status, (await response.json()).error.code]).toEqual([404, -32601]);
    }
  });

  it('says what is missing where a method cannot pause', async () => {
    const body = await (await send('completion/complete', { ref: {}, argument: {} })).json();
    expect(body.error.code).toBe(-32000);
    expect(body.error.message).toContain('https://vault.example/connect/');
  });
});

describe('a subscription that was opened before consent', () => {
  it("carries the upstream's own events once the person has agreed", async () => {
    const abort = new AbortController();
    const response = await send(
      'subscriptions/listen',
      { notifications: { toolsListChanged: true } },
      abort.signal,
    );
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toContain('acknowledged');
    upstream.odd = (body) =>
      body.includes('subscriptions/listen')
        ? {
            status: 200,
            headers: { 'content-type': 'text/event-stream' },
            body: 'data: {"method":"notifications/subscriptions/acknowledged"}\n\ndata: {"method":"notifications/tools/list_changed","params":{"theirs":true}}\n\n',
          }
        : undefined;
    await call({});
    vault.consent();
    let text = '';
    while (!text.includes('theirs')) text += (await reader.read()).value ?? '';
    expect(text).not.toContain('acknowledged');
    abort.abort();
  });

  it('ends with the token that opened it', async () => {
    await start({ expiresInSeconds: 1 });
    const response = await send('subscriptions/listen', {
      notifications: { toolsListChanged: true },
    });
    const startedAt = performance.now();
    await response.text();
    expect(performance.now() - startedAt).toBeGreaterThan(500);
  });
});
