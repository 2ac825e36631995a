import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startLocalServer, type LocalServer } from '#lib/testing/local-server';
import { startGateway, type TestGateway } from './mcp-gateway-fixture.js';
import { PersonVault } from './person-vault-fixture.js';

const version = '2026-07-28';
let upstream: LocalServer;
let vault: PersonVault;
let gateway: TestGateway;
let answering: (response: ServerResponse) => void;

beforeEach(async () => {
  upstream = await startLocalServer((_request, response) => answering(response));
  vault = new PersonVault();
  vault.grant('alice');
  gateway = await startGateway(`${upstream.origin}/mcp`, vault, { timeoutMs: 300 });
});
afterEach(async () => {
  await gateway.close();
  await upstream.stop();
});

function call(signal?: AbortSignal): Promise<Response> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const params = { name: 'echo', arguments: {}, _meta };
  return fetch(gateway.url, {
    method: 'POST',
    headers: {
      authorization: 'Bearer alice.app',
      'content-type': 'application/json',
      'mcp-protocol-version': version,
      'mcp-method': 'tools/call',
      'mcp-name': 'echo',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    ...(signal === undefined ? {} : { signal }),
  });
}

const json = { 'content-type': 'application/json' };

describe('an answer on its way to the client', () => {
  it('comes as it was sent, with its length', async () => {
    const body = '{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[]}}';
    answering = (response) =>
      response.writeHead(200, { ...json, 'content-length': body.length }).end(body);
    const answer = await call();
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, `${body.length}`]);
    expect(await answer.text()).toBe(body);
  });

  it('that stops in the middle is cut off after the upstream’s time, at both ends', async () => {
    let cut: Promise<unknown> | undefined;
    answering = (response) => {
      cut = once(response, 'close');
      response.writeHead(200, json).write('{"jsonrpc"');
    };
    const answer = await call();
    await expect(answer.text()).rejects.toThrow(/terminated|closed/);
    await cut;
    await expect.poll(() => gateway.lines.at(-1)).toMatchObject({ event: 'mcp.call', status: 200 });
  });

  it('as events may take longer than that, and its head comes at once', async () => {
    let end = (): void => undefined;
    answering = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      end = () => void response.end('data: {}\n\n');
    };
    const answer = await call();
    setTimeout(end, 500);
    expect(await answer.text()).toBe('data: {}\n\n');
  });

  it('ends at the upstream when the client leaves', async () => {
    let cut: Promise<unknown> | undefined;
    answering = (response) => {
      cut = once(response, 'close');
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    };
    const leaving = new AbortController();
    const answer = await call(leaving.signal);
    leaving.abort();
    await cut;
    expect(answer.status).toBe(200);
  });

  it('ends at both ends when the grant is revoked', async () => {
    let cut: Promise<unknown> | undefined;
    answering = (response) => {
      cut = once(response, 'close');
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    };
    const answer = await call();
    vault.revoke('alice');
    await expect(answer.text()).rejects.toThrow(/terminated|closed/);
    await cut;
  });

  it('that is a page or a coding nobody asked for is refused instead', async () => {
    answering = (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>');
    expect((await call()).status).toBe(502);
    answering = (response) =>
      response.writeHead(200, { ...json, 'content-encoding': 'br' }).end('x');
    expect((await call()).status).toBe(502);
  });
});
