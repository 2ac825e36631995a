import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type GatewayFixture,
  startGatewayFixture,
  tokenAnswer,
  upstreamOf,
} from '../gateway-fixture.js';

const version = '2026-07-28';
const inQuery = { header: 'Authorization', scheme: 'Bearer', query: 'api_key' };
let fixture: GatewayFixture;
let person = 0;

beforeAll(async () => {
  fixture = await startGatewayFixture({
    upstreams: (origin) => [
      upstreamOf('own', `${origin}/own`, {
        callerHeader: 'x-brought',
        inject: { header: 'X-Key', scheme: 'Token' },
      }),
      upstreamOf('queried', `${origin}/queried`, { inject: inQuery }),
      upstreamOf('tools', `${origin}/tools`, { type: 'mcp', callerHeader: 'x-brought' }),
      upstreamOf('keyed', `${origin}/keyed`, { type: 'mcp', inject: inQuery }),
    ],
  });
});
afterAll(() => fixture.stop());
beforeEach(() => {
  person += 1;
  fixture.seen.length = 0;
  fixture.vault.exchanges.length = 0;
  fixture.vault.answer = () => tokenAnswer('stored-token');
  fixture.serve = (request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [], resultType: 'complete' } }),
    );
  };
});

async function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  const route = path.split('/', 3).join('/');
  const token = await fixture.token(route.split('?')[0], { sub: `person-${person}` });
  return fetch(`${fixture.origin}${path}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
    redirect: 'manual',
  });
}

async function callTool(slug: string, headers: Record<string, string> = {}): Promise<Response> {
  const token = await fixture.token(`/mcp/${slug}`, { sub: `person-${person}` });
  const meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'spec', version: '1' },
  };
  const params = { name: 'anything', arguments: {}, _meta: meta };
  return fetch(`${fixture.origin}/mcp/${slug}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-protocol-version': version,
      'mcp-method': 'tools/call',
      'mcp-name': 'anything',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  });
}

const brought = { 'x-brought': 'the-callers-upstream-token' };

describe('a token that the caller brought', () => {
  test('goes out as the upstream wants it; nothing is borrowed, kept or logged', async () => {
    expect((await get('/http/own/x', brought)).status).toBe(200);
    expect(fixture.seen[0]?.headers['x-key']).toBe('Token the-callers-upstream-token');
    expect(fixture.seen[0]?.headers).not.toHaveProperty('x-brought');
    expect(fixture.vault.exchanges).toHaveLength(0);
    expect((await get('/http/own/x')).status).toBe(200);
    expect(fixture.seen[1]?.headers['x-key']).toBe('Token stored-token');
    expect(fixture.log.join('')).not.toContain('the-callers-upstream-token');
  });

  test('does so at an MCP server too', async () => {
    expect((await callTool('tools', brought)).status).toBe(200);
    expect(fixture.seen[0]?.headers.authorization).toBe('Bearer the-callers-upstream-token');
    expect(fixture.seen[0]?.headers).not.toHaveProperty('x-brought');
    expect(fixture.vault.exchanges).toHaveLength(0);
  });

  test('takes no place of the inbound one', async () => {
    const answer = await fetch(`${fixture.origin}/http/own/x`, { headers: brought });
    expect([answer.status, fixture.seen.length]).toEqual([401, 0]);
  });

  test('row 20, token passthrough: the caller’s own is refused before anything is called', async () => {
    const token = await fixture.token('/http/own', { sub: 'someone-else' });
    const http = await get('/http/own/x', { 'x-brought': token });
    const mcp = await callTool('tools', { 'x-brought': token });
    expect([http.status, mcp.status, fixture.seen.length]).toEqual([400, 400, 0]);
    const said = `${await http.text()}${await mcp.text()}`;
    expect(said).toContain('may open this gateway');
    expect(`${said}${fixture.log.join('')}`).not.toContain(token);
  });

  test('is none of an upstream that takes none: there it is a header like any other', async () => {
    await get('/http/queried/x', brought);
    expect(fixture.vault.exchanges).toHaveLength(1);
  });

  test('that the upstream refuses is told as such: nothing is exchanged, nobody is asked', async () => {
    fixture.serve = (_request, response) => void response.writeHead(401).end();
    const http = await get('/http/own/x', brought);
    const mcp = await callTool('tools', brought);
    expect([http.status, await http.text()]).toEqual([502, expect.stringContaining('x-brought')]);
    expect(await mcp.text()).toContain('x-brought');
    fixture.serve = (_request, response) =>
      void response
        .writeHead(403, { 'www-authenticate': 'Bearer error="insufficient_scope", scope="more"' })
        .end();
    expect((await get('/http/own/x', brought)).status).toBe(403);
    expect(fixture.vault.exchanges).toHaveLength(0);
  });
});

describe('a credential in the query', () => {
  test('replaces what the caller sent by that name, and stands nowhere else', async () => {
    const { status } = await get('/http/queried/x?page=2&api_key=theirs');
    expect([status, fixture.seen[0]?.url]).toEqual([200, '/queried/x?page=2&api_key=stored-token']);
    expect(fixture.seen[0]?.headers.authorization).toBeUndefined();
    await callTool('keyed');
    expect(fixture.seen[1]?.url).toBe('/keyed?api_key=stored-token');
    expect(fixture.log.join('')).not.toContain('stored-token');
  });

  test('does not come back in a redirect or another header', async () => {
    fixture.serve = ({ url = '' }, response) =>
      void response
        .writeHead(302, { location: `${url}&again=1`, link: `<${url}>; rel="next"`, 'x-seen': url })
        .end();
    const answer = await get('/http/queried/x?page=2');
    expect(answer.headers.get('location')).toBe(`${fixture.origin}/http/queried/x?page=2&again=1`);
    expect(JSON.stringify([...answer.headers])).not.toContain('stored-token');
  });

  test('is refreshed once where the upstream refuses it, and then told without it', async () => {
    let made = 0;
    fixture.vault.answer = () => tokenAnswer(`stored-token-${++made}`);
    fixture.serve = ({ url = '' }, response) =>
      void response.writeHead(url.endsWith('-2') ? 200 : 401).end();
    expect((await get('/http/queried/x')).status).toBe(200);
    fixture.serve = (_request, response) => void response.writeHead(401).end();
    const refused = await get('/http/queried/x');
    expect(refused.status).toBe(502);
    expect(await refused.text()).not.toContain('stored-token');
  });

  test('of a token that is bound to a key is not sent at all', async () => {
    const jwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd' };
    fixture.vault.answer = () =>
      tokenAnswer('bound', { token_type: 'DPoP', dpop: { jwk, required: true } });
    expect([(await get('/http/queried/x')).status, fixture.seen.length]).toEqual([503, 0]);
  });
});
