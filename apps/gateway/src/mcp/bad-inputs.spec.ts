import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DualEraUpstream } from './dual-era-fixture.js';
import { startGateway, type TestGateway } from './mcp-gateway-fixture.js';
import { PersonVault } from './person-vault-fixture.js';

const version = '2026-07-28';
const upstream = new DualEraUpstream();
const vault = new PersonVault();
let gateway: TestGateway;

beforeAll(async () => {
  await upstream.listen();
  gateway = await startGateway(upstream.url, vault, { holdMs: 200 });
});

beforeEach(() => {
  vault.grants.clear();
  vault.grant('alice');
  upstream.seen.length = 0;
  upstream.odd = undefined;
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const meta = (more: object = {}): object => ({
  'io.modelcontextprotocol/protocolVersion': version,
  'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } },
  ...more,
});
const call = (params: object = {}, more: object = {}): string =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'whoami', arguments: {}, _meta: meta(), ...params },
    ...more,
  });

async function post(
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string | undefined> = {},
) {
  const all: Record<string, string | undefined> = {
    authorization: 'Bearer alice.app',
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': version,
    'mcp-method': 'tools/call',
    'mcp-name': 'whoami',
    ...headers,
  };
  const sent = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as [string, string]],
  );
  const response = await fetch(gateway.url, { method: 'POST', headers: sent, body });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    json: text.startsWith('{') ? JSON.parse(text) : undefined,
  };
}

describe('bad inputs at /mcp/{upstream}', () => {
  it.each<[string, string | Uint8Array<ArrayBuffer>, number]>([
    ['a batch', `[${call()}]`, -32600],
    ['an empty batch', '[]', -32600],
    ['id null', call({}, { id: null }), -32600],
    ['id of a fraction', call({}, { id: 1.5 }), -32600],
    ['id of an object', call({}, { id: {} }), -32600],
    ['id of 2 KB', call({}, { id: 'x'.repeat(2048) }), -32600],
    ['params of an array', call({}, { params: [] }), -32600],
    ['another JSON-RPC version', call({}, { jsonrpc: '1.0' }), -32600],
    ['no method', JSON.stringify({ jsonrpc: '2.0', id: 1 }), -32600],
    ['a bare string', '"tools/call"', -32600],
    ['nothing', '', -32700],
    ['truncated JSON', call().slice(0, -3), -32700],
    ['two values', call() + call(), -32700],
    ['a byte order mark', `\uFEFF${call()}`, -32700],
    [
      'invalid UTF-8',
      new Uint8Array([...Buffer.from('{"jsonrpc":"2.0","id":"'), 0xff, ...Buffer.from('"}')]),
      -32700,
    ],
    [
      'row 31, JSON bomb: nesting of 100,000',
      `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      -32700,
    ],
    ['row 31, JSON bomb: nesting of 33', `{"a":${'['.repeat(32)}${']'.repeat(32)}}`, -32700],
    [
      'row 31, duplicate key: method',
      call().replace('{"jsonrpc"', '{"method":"ping","jsonrpc"'),
      -32700,
    ],
    [
      'row 31, duplicate key: an escaped spelling',
      call({ arguments: { n: 1 } }).replace('"n":1', '"n":1,"\\u006e":2'),
      -32700,
    ],
    [
      'row 31, __proto__',
      call().replace('"arguments":{}', '"arguments":{"__proto__":{"admin":true}}'),
      -32700,
    ],
    [
      'row 31, __proto__ escaped',
      call().replace('"arguments":{}', '"arguments":{"\\u005f_proto__":1}'),
      -32700,
    ],
    ['row 31, a body of 2 MiB', call({ arguments: { text: 'x'.repeat(2 * 1024 * 1024) } }), -32600],
  ])('%s is 400', async (_what, body, code) => {
    const { status, json } = await post(body);
    expect([status, json.error.code]).toEqual([400, code]);
    expect(upstream.seen).toHaveLength(0);
  });

  it('a body just under 1 MiB and nesting of 32 pass', async () => {
    const nested = `${'['.repeat(29)}${']'.repeat(29)}`;
    const body = call({ arguments: { text: 'x'.repeat(1024 * 1024 - 1000) } }).replace(
      '"arguments":{',
      `"arguments":{"deep":${nested},`,
    );
    expect((await post(body)).status).toBe(200);
  });

  it.each<[string, string, Record<string, string | undefined>]>([
    ['Mcp-Name of another tool', call(), { 'mcp-name': 'delete_all' }],
    ['no Mcp-Name', call(), { 'mcp-name': undefined }],
    ['Mcp-Name with a broken sentinel', call(), { 'mcp-name': '=?base64?@@?=' }],
    ['Mcp-Method of another method', call(), { 'mcp-method': 'tools/list' }],
    ['no Mcp-Method', call(), { 'mcp-method': undefined }],
    ['another version in the header', call(), { 'mcp-protocol-version': '2025-11-25' }],
    ['no version in the header', call(), { 'mcp-protocol-version': undefined }],
    [
      'a modern header on initialize',
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }),
      {},
    ],
  ])('row 24, header and body disagree: %s is 400 with -32020', async (_what, body, headers) => {
    const { status, json } = await post(body, headers);
    expect([status, json.error.code]).toEqual([400, -32020]);
    expect(upstream.seen).toHaveLength(0);
  });

  it('takes an Mcp-Name in the Base64 sentinel', async () => {
    const name = `=?base64?${Buffer.from('whoami').toString('base64')}?=`;
    expect((await post(call(), { 'mcp-name': name })).status).toBe(200);
  });

  it('a version from the future is 400 with -32022 and names what is supported', async () => {
    const future = { _meta: meta({ 'io.modelcontextprotocol/protocolVersion': '2030-01-01' }) };
    const { status, json } = await post(call(future), { 'mcp-protocol-version': '2030-01-01' });
    expect([status, json.error.code, json.error.data.supported]).toEqual([400, -32022, [version]]);
  });

  it.each([
    ['no _meta', { _meta: undefined }],
    ['no capabilities', { _meta: { 'io.modelcontextprotocol/protocolVersion': version } }],
    [
      'a version that is no string',
      { _meta: meta({ 'io.modelcontextprotocol/protocolVersion': 7 }) },
    ],
  ])('%s is 400 with -32602', async (_what, params) => {
    const { status, json } = await post(call(params));
    expect([status, json.error.code]).toEqual([400, -32602]);
  });

  it('GET and DELETE are 405 in the modern era, other methods 405 always', async () => {
    for (const method of ['GET', 'DELETE', 'PUT', 'PATCH']) {
      const headers = { authorization: 'Bearer alice.app', 'mcp-protocol-version': version };
      const response = await fetch(gateway.url, { method, headers });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toContain('POST');
    }
  });

  it('another media type or a content coding is 415', async () => {
    expect((await post(call(), { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post(call(), { 'content-encoding': 'gzip' })).status).toBe(415);
  });

  it('no token is 401 with the challenge, and an unknown upstream is 404', async () => {
    const refused = await post(call(), { authorization: undefined });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('resource_metadata');
    const response = await fetch(gateway.url.replace('/demo', '/other'), {
      method: 'POST',
      headers: { authorization: 'Bearer alice.app', 'content-type': 'application/json' },
      body: call(),
    });
    expect(response.status).toBe(404);
  });

  it('a token that the vault no longer takes is 401 with a challenge for this resource', async () => {
    vault.answer = { kind: 'invalid-token', detail: 'The token is not accepted.' };
    const { status, headers } = await post(call());
    vault.answer = undefined;
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toContain(
      '/.well-known/oauth-protected-resource/mcp/demo',
    );
  });

  it('a vault that cannot answer is 503 with Retry-After and no elicitation', async () => {
    vault.answer = { kind: 'unavailable', retryAfterSeconds: 2.2, detail: 'Try again.' };
    const { status, headers, json } = await post(call());
    vault.answer = undefined;
    expect([status, headers.get('retry-after')]).toEqual([503, '3']);
    expect(json.result).toBeUndefined();
  });
});

describe('row 19, requestState tampering', () => {
  const params = { arguments: { n: 1 } };

  async function pause(token = 'carol.app'): Promise<string> {
    const { json } = await post(call(params), { authorization: `Bearer ${token}` });
    return json.result.requestState as string;
  }

  async function retry(requestState: string, more: object = {}, token = 'carol.app') {
    return post(
      call({ ...params, requestState, inputResponses: { consent: { action: 'accept' } }, ...more }),
      {
        authorization: `Bearer ${token}`,
      },
    );
  }

  it('one changed character anywhere is refused', async () => {
    const state = await pause();
    for (const at of [5, 40, 100, 150, state.length - 1]) {
      const changed = state.slice(0, at) + (state[at] === 'A' ? 'B' : 'A') + state.slice(at + 1);
      const { status, json } = await retry(changed);
      expect([status, json.error.code]).toEqual([400, -32602]);
    }
  });

  it("another person's state, and another application's, is refused", async () => {
    const state = await pause();
    for (const token of ['dave.app', 'carol.other'])
      expect((await retry(state, {}, token)).status).toBe(400);
  });

  it('a state of another request is refused: arguments, name', async () => {
    const state = await pause();
    expect((await retry(state, { arguments: { n: 2 } })).json.error.message).toContain(
      'another request',
    );
    expect((await retry(state, { extra: true })).status).toBe(400);
  });

  it('a state without its prefix is not ours and starts nothing', async () => {
    const { json } = await retry((await pause()).slice(5));
    expect(json.result.inputRequests.consent).toBeDefined();
  });

  it('the unchanged state is taken, also with members in another order', async () => {
    const state = await pause();
    vault.grant('carol');
    expect((await retry(state)).status).toBe(200);
    const body = JSON.stringify({
      params: {
        requestState: state,
        _meta: meta({ more: 1 }),
        arguments: { n: 1 },
        name: 'whoami',
      },
      method: 'tools/call',
      id: 2,
      jsonrpc: '2.0',
    });
    expect((await post(body, { authorization: 'Bearer carol.app' })).json.result).toBeDefined();
  });

  it('holds at most eight retries of one person, then 429', async () => {
    const state = await pause();
    const statuses = await Promise.all(
      Array.from({ length: 9 }, async () => (await retry(state)).status),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(8);
    expect(statuses.filter((status) => status === 429)).toHaveLength(1);
    expect((await retry(state)).status).toBe(200);
  });
});

describe('row 20, token passthrough', () => {
  it("nothing of the caller's credentials reaches the upstream", async () => {
    await post(call(), {
      cookie: 'session=1',
      'proxy-authorization': 'Basic x',
      mcp_session_id: 'x',
      'mcp-session-id': 'mine',
    });
    const { headers } = upstream.seen[0]!;
    expect(headers.authorization).toBe('Bearer up:alice:0');
    for (const name of [
      'cookie',
      'proxy-authorization',
      'mcp_session_id',
      'mcp-session-id',
      'x-forwarded-for',
    ])
      expect(headers[name]).toBeUndefined();
  });
});

describe('a hostile upstream', () => {
  const json = { 'content-type': 'application/json' };

  it.each([
    ['a redirect', { status: 302, headers: { location: 'http://169.254.169.254/' }, body: '' }],
    ['a page', { status: 200, headers: { 'content-type': 'text/html' }, body: '<script>' }],
    [
      'a content coding',
      { status: 200, headers: { ...json, 'content-encoding': 'gzip' }, body: 'bomb' },
    ],
  ])('%s is 502 and shows nothing of it', async (_what, answer) => {
    upstream.odd = () => answer;
    const { status, headers, json: body } = await post(call());
    expect([status, body.id, body.error.data.problem]).toEqual([502, 1, 'upstream-invalid']);
    expect(headers.get('location')).toBeNull();
    expect(JSON.stringify(body)).not.toContain('script');
  });

  it('row 22, header leaks: Set-Cookie, CORS and challenges of the upstream do not pass', async () => {
    upstream.odd = () => ({
      status: 200,
      headers: {
        ...json,
        'set-cookie': 'a=b',
        'access-control-allow-origin': '*',
        'www-authenticate': 'Bearer',
        server: 'x',
      },
      body: '{"jsonrpc":"2.0","id":1,"result":{}}',
    });
    const { headers } = await post(call());
    for (const name of ['set-cookie', 'access-control-allow-origin', 'www-authenticate', 'server'])
      expect(headers.get(name)).toBeNull();
  });

  it('insufficient_scope for what nobody listed becomes a clear 403 without the challenge', async () => {
    vault.notOffered.add('warehouse:write');
    upstream.odd = () => ({
      status: 403,
      headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="warehouse:write"' },
      body: '',
    });
    const { status, headers, json: body } = await post(call());
    expect([status, body.error.data.problem]).toEqual([403, 'insufficient-scope']);
    expect(body.error.message).toContain('warehouse:write');
    expect(headers.get('www-authenticate')).toBeNull();
  });

  it("the upstream's own JSON-RPC errors pass with their status", async () => {
    upstream.odd = () => ({
      status: 404,
      headers: json,
      body: '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}',
    });
    const { status, json: body } = await post(call());
    expect([status, body.error.code]).toEqual([404, -32601]);
  });

  it('an upstream that is not there is 502, one that is silent is 504', async () => {
    const nowhere = await startGateway('http://127.0.0.1:1/mcp', vault);
    const headers = {
      authorization: 'Bearer alice.app',
      'content-type': 'application/json',
      'mcp-protocol-version': version,
      'mcp-method': 'tools/call',
      'mcp-name': 'whoami',
    };
    expect((await fetch(nowhere.url, { method: 'POST', headers, body: call() })).status).toBe(502);
    await nowhere.close();
    const impatient = await startGateway(upstream.url, vault, { timeoutMs: 1000 });
    upstream.silent = true;
    const response = await fetch(impatient.url, {
      method: 'POST',
      headers,
      body: call(),
    });
    upstream.silent = false;
    await impatient.close();
    expect(response.status).toBe(504);
  });
});

describe('a client that leaves', () => {
  it('in the middle of its body leaves nothing behind', async () => {
    const { port } = new URL(gateway.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(
      'POST /mcp/demo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer alice.app\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"jsonrpc"',
    );
    await once(socket, 'connect');
    setTimeout(() => socket.destroy(), 50);
    await once(socket, 'close');
    await expect.poll(() => gateway.lines.at(-1)).toMatchObject({ event: 'mcp.call', status: 499 });
    expect(upstream.seen).toHaveLength(0);
  });
});

describe('row 30, stream exhaustion', () => {
  it('one person’s open calls are bounded, other people’s are not affected, and as they end others may follow', async () => {
    vault.grant('bob');
    const slow = call({ name: 'slow' });
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    upstream.slowness = () => ended;
    let refused = 0;
    const open = Array.from({ length: 140 }, async () => {
      const answer = await post(slow, { 'mcp-name': 'slow' });
      if (answer.status === 429) refused += 1;
      return answer;
    });
    await expect.poll(() => refused, { timeout: 20_000 }).toBe(12);
    const bob = await post(call(), { authorization: 'Bearer bob.app' });
    expect(bob.status).toBe(200);
    end();
    const statuses = (await Promise.all(open)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 429)).toHaveLength(12);
    expect(statuses.filter((status) => status === 200)).toHaveLength(128);
    expect((await post(call())).status).toBe(200);
  });
});
