import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalServer, startLocalServer } from '#lib/testing/local-server';
import type { VisitedPage } from '#lib/testing/http-browser';
import { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import { status } from '#lib/testing/scripted-answer';
import { corePieces, TrialStack } from '#lib/testing/trial-stack';
import { admin, TrialCaller } from './trial-caller.js';

let trial: TrialStack;
let alice: TrialCaller;
/** A service that knows a few tokens, and beside it the company's own page that collects them. */
let service: LocalServer;
const accepted = new Set<string>();
const received: string[] = [];
const streams: { end(): void }[] = [];

beforeAll(async () => {
  const mcp = toNodeHandler(createMcpHandler(greeter, { legacy: 'reject' }));
  service = await startLocalServer((request, response) => {
    if (request.url?.startsWith('/page')) return void response.end('<h1>Your token, please.</h1>');
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    received.push(token);
    if (!accepted.has(token)) return void response.writeHead(401).end();
    if (request.url === '/mcp') return void mcp(request, response);
    if (!request.url?.endsWith('/events')) return void response.end('hello');
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
    streams.push(response);
  });
  trial = await TrialStack.start({ only: corePieces });
  alice = await TrialCaller.signedIn(trial, 'alice');
  const pasted = { type: 'user-token', instructions: 'Settings, then Tokens.' };
  const brought = { type: 'external', url: `${service.origin}/page?for=ledger` };
  const http = { type: 'http', url: `${service.origin}/api` };
  const spoken = { type: 'mcp', url: `${service.origin}/mcp` };
  await Promise.all([
    put('upstreams/forge', { ...http, slug: 'forge', name: 'Forge', credential: pasted }),
    put('upstreams/ledger', { ...http, slug: 'ledger', name: 'Ledger', credential: brought }),
    put('upstreams/forge-mcp', { ...spoken, slug: 'forge-mcp', name: 'Forge', credential: pasted }),
    put('upstreams/ledger-mcp', {
      ...{ ...spoken, slug: 'ledger-mcp', name: 'Ledger', credential: brought },
    }),
  ]);
});

function greeter(): McpServer {
  const server = new McpServer({ name: 'greeter', version: '1' });
  server.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'hello' }] }));
  return server;
}

afterAll(async () => {
  for (const stream of streams) stream.end();
  await trial?.stop();
  await service?.stop();
});

/** The promise of R3. */
const within = { timeout: 5_000, interval: 50 };

async function put(path: string, document: object): Promise<void> {
  const answer = await admin(trial, 'PUT', path, document);
  if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
}

function call(upstream: string, path = '', signal?: AbortSignal): Promise<Response> {
  const url = `${trial.urls.gateway}/http/${upstream}${path}`;
  return fetch(url, { headers: alice.headers, ...(signal === undefined ? {} : { signal }) });
}

interface Paused {
  readonly status: number;
  readonly body: {
    readonly type: string;
    readonly interaction_uri?: string;
    readonly interaction_id: string;
  };
}

async function paused(upstream: string): Promise<Paused> {
  const answer = await call(upstream);
  return { status: answer.status, body: (await answer.json()) as Paused['body'] };
}

/** Calls the tool of an MCP server as an SDK client does; each link that it is asked to open goes to `opened`. */
async function greeted(
  path: string,
  opened: (link: string) => Promise<unknown>,
  { tool = 'greet', headers = {} }: { tool?: string; headers?: Record<string, string> } = {},
) {
  const client = new Client(
    { name: 'spec', version: '1' },
    {
      capabilities: { elicitation: { url: {} } },
      versionNegotiation: { mode: { pin: '2026-07-28' } },
    },
  );
  let atThePage: Promise<unknown> | undefined;
  client.setRequestHandler('elicitation/create', ({ params }) => {
    if ('url' in params) atThePage = opened(String(params.url));
    // It says that the link was opened, and no more: the call is sent again at once, and held.
    return { action: 'accept' };
  });
  const requestInit = { headers: { ...alice.headers, ...headers } };
  const url = new URL(`${trial.urls.gateway}${path}`);
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit }));
  const { content } = await client.callTool({ name: tool });
  await client.close();
  await atThePage;
  return content;
}

/** The link that a call is answered with, as soon as the gateway knows the upstream. */
async function linkTo(upstream: string): Promise<string> {
  await expect.poll(async () => (await paused(upstream)).status, within).toBe(403);
  return (await paused(upstream)).body.interaction_uri ?? '';
}

function paste(page: VisitedPage, token: string): Promise<VisitedPage> {
  return alice.browser.submit(page, '/token', { token });
}

describe('a service whose token the person pastes', () => {
  it('pauses the call with a link, and is called with the token from then on', async () => {
    accepted.add('first-token');
    const page = await alice.open(await linkTo('forge'));
    const done = await paste(page, 'first-token');
    expect(done.body).toContain('is connected');
    const answer = await call('forge');
    expect([answer.status, await answer.text()]).toEqual([200, 'hello']);
    expect(received).toEqual(['first-token']);
  });

  it('is called at /mcp alike, once the person has pasted it, and pasted another after it was refused', async () => {
    const links: string[] = [];
    for (const token of ['mcp-token', 'new-mcp-token']) {
      accepted.add(token);
      const content = await greeted('/mcp/forge-mcp', async (link) => {
        links.push(link);
        await paste(await alice.open(link), token);
      });
      expect(content).toEqual([{ type: 'text', text: 'hello' }]);
      expect(received.at(-1)).toBe(token);
      accepted.delete(token);
    }
    expect(new Set(links).size).toBe(2);
  });

  it('that refuses the token later: a new link, once an hour, and a new token', async () => {
    accepted.delete('first-token');
    const refused = await paused('forge');
    expect(refused).toMatchObject({
      status: 403,
      body: { type: 'urn:symbolon:interaction-required' },
    });
    expect((await call('forge')).status).toBe(502);
    accepted.add('second-token');
    const page = await alice.open(refused.body.interaction_uri ?? '');
    expect(page.body).toContain('stays until you save another');
    await paste(page, 'second-token');
    await expect.poll(async () => (await call('forge')).status, within).toBe(200);
    expect(received.at(-1)).toBe('second-token');
  });

  it('is disconnected within five seconds, open streams included', async () => {
    const gone = new AbortController();
    const stream = await call('forge', '/events', gone.signal);
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    let isOver = false;
    void reader
      .read()
      .catch(() => undefined)
      .then(() => (isOver = true));
    const question = await alice.open(`${trial.urls.vault}/connections/forge`);
    await alice.browser.submit(question, '/connections/forge', { decision: 'disconnect' });
    await expect.poll(() => isOver, within).toBe(true);
    expect((await call('forge')).status).toBe(403);
    gone.abort();
  });
});

describe('a service whose token a page of the company’s own brings', () => {
  let key: CryptoKey;

  beforeAll(async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    key = privateKey;
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' };
    await put('machine-clients/ledger-page', {
      ...{ slug: 'ledger-page', kind: 'external', upstreams: ['ledger', 'ledger-mcp'] },
      jwks: { keys: [jwk] },
    });
  });

  async function handOver(id: string, token: string): Promise<Response> {
    const assertion = await new SignJWT()
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .setIssuer('ledger-page')
      .setSubject('ledger-page')
      .setAudience(trial.urls.vault)
      .setIssuedAt()
      .setExpirationTime('50s')
      .sign(key);
    return fetch(`${trial.urls.vault}/external/v1/interactions/${id}/token`, {
      method: 'POST',
      headers: { authorization: `Bearer ${assertion}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        subject: { issuer: trial.urls.corporateIdp, subject: alice.subject },
        token,
      }),
    });
  }

  it('leads through our sign-in and Allow to that page, whose backend hands the token over', async () => {
    accepted.add('ledger-token');
    const link = await linkTo('ledger');
    const page = await alice.consent(link);
    expect(page.url.pathname).toBe('/page');
    expect(page.url.searchParams.get('for')).toBe('ledger');
    const id = page.url.searchParams.get('interaction_id') ?? '';
    expect((await paused('ledger')).body.interaction_id).toBe(id);
    expect((await handOver(id, 'ledger-token')).status).toBe(200);
    await expect.poll(async () => (await call('ledger')).status, within).toBe(200);
    expect(received.at(-1)).toBe('ledger-token');
  });

  it('and so at /mcp, where the call that waits goes on with that token', async () => {
    accepted.add('ledger-mcp-token');
    const content = await greeted('/mcp/ledger-mcp', async (link) => {
      const page = await alice.consent(link);
      const id = page.url.searchParams.get('interaction_id') ?? '';
      expect((await handOver(id, 'ledger-mcp-token')).status).toBe(200);
    });
    expect(content).toEqual([{ type: 'text', text: 'hello' }]);
    expect(received.at(-1)).toBe('ledger-mcp-token');
  });
});

describe('a service whose credential is nobody’s own, or the caller’s', () => {
  let provider: ScriptableAuthorizationServer;
  /** Says what it was asked with. */
  let api: LocalServer;

  beforeAll(async () => {
    api = await startLocalServer(({ url, headers }, response) => {
      const { authorization, 'x-key': key } = headers;
      response.end(JSON.stringify({ url, authorization, key }));
    });
    provider = await ScriptableAuthorizationServer.start();
    await put('oauth-clients/robots', {
      ...{ slug: 'robots', name: 'Robots', issuer: provider.issuer, clientId: 'symbolon' },
      clientSecret: 'robots-secret',
    });
  });
  afterAll(async () => {
    await provider?.stop();
    await api?.stop();
  });

  function upstream(slug: string, about: object): Promise<void> {
    const url = `${api.origin}/${slug}`;
    return put(`upstreams/${slug}`, { slug, name: slug, type: 'http', url, ...about });
  }

  async function heard(slug: string, headers: Record<string, string> = {}): Promise<unknown> {
    const url = `${trial.urls.gateway}/http/${slug}/x`;
    const answer = await fetch(url, { headers: { ...alice.headers, ...headers } });
    return answer.status === 200 ? answer.json() : answer.status;
  }

  const issued = (access_token: string) =>
    status(200, { access_token, token_type: 'Bearer', expires_in: 600 });

  it('a secret of everybody’s stands where the upstream wants it, and another one takes its place at once', async () => {
    const inject = { header: 'X-Key', scheme: '' };
    await upstream('fixed', { credential: { type: 'static', secret: 'first' }, inject });
    await expect.poll(() => heard('fixed'), within).toMatchObject({ key: 'first' });
    await upstream('fixed', { credential: { type: 'static', secret: 'second' }, inject });
    await expect.poll(() => heard('fixed'), within).toMatchObject({ key: 'second' });
    const query = { ...inject, query: 'api_key' };
    await upstream('fixed', { credential: { type: 'static' }, inject: query });
    await expect
      .poll(() => heard('fixed'), within)
      .toMatchObject({ url: '/fixed/x?api_key=second' });
  });

  it('a service account’s token is got, and the caller’s own is exchanged where that is allowed', async () => {
    provider.script('token', issued('of-the-robot'));
    await upstream('robotic', {
      credential: { type: 'client-credentials', oauthClient: 'robots' },
    });
    await expect
      .poll(() => heard('robotic'), within)
      .toMatchObject({ authorization: 'Bearer of-the-robot' });
    const exchange = { type: 'token-exchange', oauthClient: 'robots', audience: 'reports' };
    const before = provider.requests.length;
    await upstream('federated', { credential: exchange });
    await expect.poll(() => heard('federated'), within).toBe(403);
    expect(provider.requests).toHaveLength(before);
    provider.script('token', issued('of-alice'));
    await upstream('federated', { credential: { ...exchange, subjectIssuers: ['corporate'] } });
    await expect
      .poll(() => heard('federated'), within)
      .toMatchObject({ authorization: 'Bearer of-alice' });
    expect(provider.requests.at(-1)?.parameters.get('subject_token')).toBe(
      alice.headers.authorization?.replace('Bearer ', ''),
    );
  });

  it('a token that the caller brings goes before what could be borrowed, and their own goes nowhere', async () => {
    await upstream('brought', {
      credential: { type: 'static', secret: 'ours' },
      callerHeader: 'X-Forge-Token',
    });
    await expect
      .poll(() => heard('brought'), within)
      .toMatchObject({ authorization: 'Bearer ours' });
    const theirs = { 'x-forge-token': 'theirs' };
    expect(await heard('brought', theirs)).toMatchObject({ authorization: 'Bearer theirs' });
    const own = alice.headers.authorization?.replace('Bearer ', '') ?? '';
    expect(await heard('brought', { 'x-forge-token': own })).toBe(400);
  });

  it('so at /mcp, for that upstream only and for that call only', async () => {
    accepted.add('theirs').add('ours');
    const url = `${service.origin}/mcp`;
    const credential = { type: 'static', secret: 'ours' };
    await upstream('own', { type: 'mcp', url, credential, callerHeader: 'X-Forge-Token' });
    await upstream('other', { type: 'mcp', url, credential });
    const nobody = () => Promise.reject(new Error('nobody had to be asked'));
    const greet = (slug: string, headers: Record<string, string>) =>
      greeted('/mcp', nobody, { tool: `${slug}_greet`, headers });
    await expect.poll(() => greet('own', {}).catch(() => undefined), within).toHaveLength(1);
    const theirs = { 'x-forge-token': 'theirs' };
    for (const [slug, headers, expected] of [
      ['own', theirs, 'theirs'],
      ['other', theirs, 'ours'],
      ['own', {}, 'ours'],
    ] as const) {
      expect(await greet(slug, headers)).toEqual([{ type: 'text', text: 'hello' }]);
      expect(received.at(-1)).toBe(expected);
    }
    const own = alice.headers.authorization.replace('Bearer ', '');
    await expect(greet('own', { 'x-forge-token': own })).rejects.toThrow('x-forge-token');
    expect(received).not.toContain(own);
  });
});
