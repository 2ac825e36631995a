import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalServer } from '#lib/testing/local-server';
import { until } from '#lib/testing/until';
import { lives, upstreamOf, WorkersWorld } from './gateway-workers-world.js';

let world: WorkersWorld;
let call: { readonly authorization: string };
/** Answers of `/slow` wait for this. */
let slow: Promise<void> = Promise.resolve();
let waiting = 0;
const handshakes: string[] = [];

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/slow') {
    waiting += 1;
    await slow;
  }
  if (request.url !== '/mcp') return void response.end('served');
  if (request.method !== 'POST') return void response.writeHead(405).end();
  let text = '';
  for await (const part of request) text += String(part);
  const { id, method } = JSON.parse(text) as { id?: number; method: string };
  if (id === undefined) return void response.writeHead(202).end();
  if (method === 'initialize') handshakes.push(`session-${handshakes.length}`);
  const result =
    method === 'initialize'
      ? {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {} },
          serverInfo: { name: 'demo', version: '1' },
        }
      : { content: [{ type: 'text', text: String(request.headers['mcp-session-id']) }] };
  response.setHeader('content-type', 'application/json');
  if (method === 'initialize') response.setHeader('mcp-session-id', handshakes.at(-1) ?? '');
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
}

beforeAll(async () => {
  world = await WorkersWorld.make(serve, (origin) => [
    upstreamOf('open', origin),
    upstreamOf('small', origin, { limits: { bodyBytes: 4 } }),
    upstreamOf('demo', `${origin}/mcp`, { type: 'mcp' }),
    upstreamOf('asks', `${origin}/mcp`, {
      type: 'mcp',
      credential: { type: 'oauth', scopes: ['read'] },
    }),
  ]);
  await world.app.start();
  await until(async () => (await world.pids()).length === 2, { seconds: 10 });
  call = { authorization: `Bearer ${await world.token('/http/open')}` };
});

afterAll(() => world?.stop());

describe('two workers behind one port', () => {
  it('both serve, whole lines say which of them, and metrics are the sums of both', async () => {
    const authorization = `Bearer ${await world.token('/http/small')}`;
    const tooLarge = { method: 'POST', body: 'too much', headers: { authorization } };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => world.send('/http/small/x', tooLarge)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([413]));
    const refused = 'symbolon_limited_calls_total{upstream="small"';
    expect(await world.metric(refused)).toBe(20);
    expect(await world.metric('symbolon_gateway_workers{')).toBe(2);
    const logged = async () => await world.lines('http.call');
    expect(await until(async () => (await logged()).length === 20, { seconds: 5 })).toBe(true);
    const by = (await logged()).map(({ worker }) => worker);
    expect([by.includes(1), by.includes(2), by.length]).toEqual([true, true, 20]);
  });

  it('one that is killed under load is replaced; the other serves on, and nothing counted is lost', async () => {
    const counted = 'symbolon_limited_calls_total{upstream="small"';
    const before = await world.metric(counted);
    const [victim = 0] = await world.pids();
    const statuses: (number | 'cut')[] = [];
    const load = Array.from({ length: 4 }, async () => {
      for (let i = 0; i < 40; i += 1)
        statuses.push(
          await world.send('/http/open/x', { headers: call }).then(
            ({ status }) => status,
            () => 'cut' as const,
          ),
        );
    });
    process.kill(victim, 'SIGKILL');
    await Promise.all(load);
    // Only what the dead one had in hand.
    expect(statuses.filter((status) => status !== 200).length).toBeLessThan(20);
    expect(statuses.slice(-20)).toEqual(Array.from({ length: 20 }, () => 200));
    const workers = () => world.metric('symbolon_gateway_workers{');
    expect(await until(async () => (await workers()) === 2, { seconds: 20 })).toBe(true);
    expect(await world.pids()).toHaveLength(3);
    expect(await world.lines('worker.ended')).toMatchObject([
      { pid: victim, signal: 'SIGKILL', level: 'error' },
    ]);
    expect(await world.metric('symbolon_gateway_worker_restarts')).toBe(1);
    expect(await world.metric(counted)).toBe(before);
  });

  it('a legacy session lives at one worker, whichever took the connection of a request', async () => {
    const before = handshakes.length;
    for (let session = 1; session <= 3; session += 1) {
      const { headers } = await legacySession('demo');
      const answers = await Promise.all([1, 2, 3].map((id) => callTool('demo', headers, id)));
      const served = answers.map(({ text }) => text.match(/session-\d+/)?.[0]);
      expect(served).toEqual(Array.from({ length: 3 }, () => `session-${handshakes.length - 1}`));
      // None of them had to open a second one upstream.
      expect(handshakes.length - before).toBe(session);
    }
  });

  it('what a legacy session is told comes on its stream, at whichever worker its call was', async () => {
    let interactions = 0;
    world.vault.answer = () => ({ status: 400, body: interactionRequired(String(interactions++)) });
    for (let session = 0; session < 3; session += 1) {
      const { headers } = await legacySession('asks');
      const stream = await listen('asks', headers);
      const { text } = await callTool('asks', headers, 1);
      const { error } = JSON.parse(text) as {
        error: { code: number; data: { elicitations: { elicitationId: string; url: string }[] } };
      };
      expect(error.code).toBe(-32042);
      const who = { issuer: 'corporate', subject: 'alice', application: 'cli', upstream: 'asks' };
      const { elicitationId = '', url = '' } = error.data.elicitations[0] ?? {};
      // The one of this call: the stream asks the vault too, before it or after.
      const interactionId = url.split('/').at(-1) ?? '';
      world.vault.publish({ type: 'interaction', ...who, interactionId, state: 'completed' });
      expect(await until(() => stream.text().includes(elicitationId), { seconds: 5 })).toBe(true);
      expect(stream.text().match(/elicitation\/complete/g)).toHaveLength(1);
      stream.close();
    }
  });

  it('SIGTERM ends all of them once the calls under way are answered', async () => {
    const pids = await serving();
    let answerNow!: () => void;
    slow = new Promise((resolve) => (answerNow = resolve));
    const underWay = Promise.allSettled(
      [1, 2].map(() => world.send('/http/open/slow', { headers: call })),
    );
    expect(await until(() => waiting === 2, { seconds: 20 })).toBe(true);
    const stopped = world.app.stop();
    const stopping = async () => (await world.lines('gateway.stopping')).length;
    // Theirs and the supervisor's.
    await until(async () => (await stopping()) === 3, { seconds: 20, everyMs: 10 });
    answerNow();
    expect((await underWay).map((one) => one.status === 'fulfilled' && one.value.status)).toEqual([
      200, 200,
    ]);
    await stopped;
    expect(pids.filter(lives)).toEqual([]);
    expect((await world.lines('worker.ended')).slice(-2)).toMatchObject([
      { code: 0, level: 'info' },
      { code: 0, level: 'info' },
    ]);
  });
});

describe('a gateway of workers', () => {
  it('that cannot take its port says so once and ends with the exit code of the worker', async () => {
    const port = await startLocalServer((_request, response) => void response.end());
    const environment = { SYMBOLON_GATEWAY_PORT: String(port.port) };
    const other = await WorkersWorld.make(serve, undefined, environment);
    await expect(other.app.start()).rejects.toThrow('before it ended');
    const output = await other.output();
    expect(output.split('\n').filter((line) => /^[^{]/.test(line))).toEqual([
      expect.stringContaining('EADDRINUSE'),
    ]);
    expect(output).toContain('Worker 1 ended with 1 before it served, and no other serves.');
    await other.stop();
    await port.stop();
  });

  it('leaves no worker behind where its supervisor is killed', async () => {
    const other = await WorkersWorld.make(serve);
    await other.app.start();
    const pids = await other.pids();
    expect(pids.every(lives)).toBe(true);
    await other.app.kill();
    expect(await until(() => !pids.some(lives), { seconds: 5 })).toBe(true);
    await other.stop();
  });
});

/** The workers that live. */
async function serving(): Promise<number[]> {
  return (await world.pids()).filter(lives);
}

async function callerOf(slug: string): Promise<Record<string, string>> {
  return {
    authorization: `Bearer ${await world.token(`/mcp/${slug}`)}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
}

async function legacySession(slug: string): Promise<{ headers: Record<string, string> }> {
  const headers = await callerOf(slug);
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: { elicitation: { url: {} } },
    clientInfo: { name: 'client', version: '1' },
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
  const answer = await world.send(`/mcp/${slug}`, { method: 'POST', headers, body });
  return { headers: { ...headers, 'mcp-session-id': String(answer.headers['mcp-session-id']) } };
}

function callTool(slug: string, headers: Record<string, string>, id: number) {
  const params = { name: 'look', arguments: {} };
  const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params });
  return world.send(`/mcp/${slug}`, { method: 'POST', headers, body });
}

/** A GET stream, on a connection of its own. */
async function listen(slug: string, headers: Record<string, string>) {
  let text = '';
  const sent = httpRequest(`${world.url}/mcp/${slug}`, { headers, agent: false });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  answer.on('data', (part: Buffer) => (text += part.toString())).on('error', () => undefined);
  return { text: () => text, close: () => sent.destroy() };
}

function interactionRequired(id: string) {
  return {
    error: 'interaction_required',
    error_description: 'Connect asks first.',
    message: 'Connect asks first.',
    interaction_uri: `https://vault.example/connect/${id}`,
    interaction_id: id,
    expires_in: 600,
    interval: 1,
  };
}
