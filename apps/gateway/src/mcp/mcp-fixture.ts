import { randomBytes, randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import fastify from 'fastify';
import { Agent } from 'undici';
import { z } from 'zod';
import { SynchronisedClock } from '#lib/clock/clock';
import type {
  BorrowedCredential,
  CredentialAnswer,
  CredentialRequest,
  Credentials,
  InteractionWatch,
} from '../credentials/credentials.js';
import type { Inbound } from '../inbound/inbound.js';
import { StateSealer } from '../sealed-state.js';
import type { McpDeps } from './mcp-call.js';
import { registerMcpRoutes } from './mcp-route.js';

/** One request as the upstream saw it. */
export interface Seen {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A real MCP server of both eras that takes `Bearer up:<name>:<n>` only. */
export class DualEraUpstream {
  readonly seen: Seen[] = [];
  /** Tokens that are refused although well-formed. */
  readonly refused = new Set<string>();
  /** Answers instead of MCP, when set. */
  odd:
    | ((path: string) => { status: number; headers: OutgoingHttpHeaders; body: string } | undefined)
    | undefined;
  /** Takes requests and never answers. */
  silent = false;
  aborted = 0;
  readonly #sessions = new Map<string, NodeStreamableHTTPServerTransport>();
  readonly #servers = new Map<string, McpServer>();
  readonly #http: Server;
  port = 0;

  constructor() {
    const modern = toNodeHandler(
      createMcpHandler(
        (context) => this.#server(context.requestInfo?.headers.get('authorization') ?? ''),
        { legacy: 'reject' },
      ),
    );
    this.#http = createServer((request, response) => {
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
        const body = Buffer.concat(chunks).toString('utf8');
        this.seen.push({ method: request.method ?? '', headers: request.headers, body });
        if (this.silent) return;
        const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
        const odd = this.odd?.(body);
        if (odd !== undefined) {
          response.writeHead(odd.status, odd.headers).end(odd.body);
          return;
        }
        if (!token.startsWith('up:') || this.refused.has(token)) {
          response
            .writeHead(401, {
              'www-authenticate': 'Bearer resource_metadata="https://upstream.example"',
            })
            .end();
          return;
        }
        response.on('close', () => {
          if (!response.writableFinished) this.aborted += 1;
        });
        const parsed: unknown = body === '' ? undefined : JSON.parse(body);
        if (request.headers['mcp-protocol-version'] === '2026-07-28')
          await modern(request, response, parsed);
        else await this.#legacy(request, response, parsed, token);
      })();
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/mcp`;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    this.port = (this.#http.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** As after a restart: no session is known any more. */
  forgetSessions(): void {
    this.#sessions.clear();
    this.#servers.clear();
  }

  async announceTools(): Promise<void> {
    for (const server of this.#servers.values()) await server.server.sendToolListChanged();
  }

  async #legacy(
    request: Parameters<NodeStreamableHTTPServerTransport['handleRequest']>[0],
    response: Parameters<NodeStreamableHTTPServerTransport['handleRequest']>[1],
    parsed: unknown,
    token: string,
  ): Promise<void> {
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? this.#sessions.get(id) : undefined;
    if (known !== undefined) return known.handleRequest(request, response, parsed);
    if (id !== undefined) {
      response.writeHead(404).end();
      return;
    }
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (session) => {
        this.#sessions.set(session, transport);
        this.#servers.set(session, server);
      },
    });
    const server = this.#server(`Bearer ${token}`);
    await server.connect(transport);
    return transport.handleRequest(request, response, parsed);
  }

  #server(authorization: string): McpServer {
    const server = new McpServer(
      { name: 'demo', version: '1.0.0' },
      { capabilities: { tools: { listChanged: true }, logging: {} } },
    );
    server.registerTool('whoami', { description: 'who' }, () => ({
      content: [
        { type: 'text', text: authorization.replace(/^Bearer up:/, '').replace(/:.*/, '') },
      ],
    }));
    server.registerTool(
      'echo',
      { description: 'echo', inputSchema: z.object({ text: z.string() }) },
      ({ text }) => ({
        content: [{ type: 'text', text }],
      }),
    );
    server.registerTool('slow', { description: 'slow' }, async (context) => {
      await context.mcpReq.notify({
        method: 'notifications/message',
        params: { level: 'info', data: 'started' },
      });
      await new Promise((resolve) => setTimeout(resolve, 1500));
      return { content: [{ type: 'text', text: 'done' }] };
    });
    server.registerPrompt('hello', { description: 'hello' }, () => ({
      messages: [{ role: 'user', content: { type: 'text', text: 'hello' } }],
    }));
    server.registerResource('note', 'note://one', {}, (uri) => ({
      contents: [{ uri: uri.href, text: 'one' }],
    }));
    return server;
  }
}

type Ended = Parameters<Parameters<InteractionWatch['onEnded']>[0]>[0];

/** The vault as the MCP routes see it: who has a grant, who is asked, what ended. */
export class FakeVault implements Credentials, InteractionWatch {
  readonly grants = new Map<string, AbortController>();
  readonly requests: CredentialRequest[] = [];
  readonly interactions = new Map<string, Omit<Ended, 'state'>>();
  readonly ends = new Map<string, Ended['state']>();
  links = 0;
  replaced = 0;
  /** Changes the ids of grants, as a disconnect and a new consent do. */
  suffix = '';
  answer: CredentialAnswer | undefined;
  readonly endedSessions: string[] = [];
  readonly #listeners = new Set<(ended: Ended) => void>();
  readonly #sessionListeners = new Set<(nonce: string) => void>();
  #generation = 0;

  borrow(request: CredentialRequest): CredentialAnswer | Promise<CredentialAnswer> {
    this.requests.push(request);
    if (this.answer !== undefined) return this.answer;
    const key = keyOf(request);
    const revoked = this.grants.get(key);
    if (revoked !== undefined) return this.#credential(request, revoked);
    const waiting = [...this.interactions].find(
      ([id, one]) => keyOfEnded(one) === key && !this.ends.has(id),
    )?.[0];
    if (request.interaction === 'none')
      return {
        kind: 'interaction',
        interactionId: waiting,
        uri: undefined,
        message: 'Connect Demo.',
        expiresIn: 600,
      };
    const interactionId = waiting ?? randomUUID();
    const { issuer, subject, application } = request.caller;
    this.interactions.set(interactionId, {
      interactionId,
      issuer,
      subject,
      application,
      upstream: request.upstream.slug,
    });
    this.links += 1;
    const uri = `https://vault.example/connect/${randomUUID()}`;
    return { kind: 'interaction', interactionId, uri, message: 'Connect Demo.', expiresIn: 600 };
  }

  async replace(
    request: CredentialRequest,
    refused: BorrowedCredential,
  ): Promise<CredentialAnswer> {
    this.replaced += 1;
    this.#generation += 1;
    void refused;
    return this.borrow(request);
  }

  /** The person agrees in the browser. */
  consent(interactionId = [...this.interactions.keys()].at(-1)): void {
    const one = this.interactions.get(interactionId ?? '');
    if (one === undefined) throw new Error('nothing to consent to');
    this.grants.set(keyOfEnded(one), new AbortController());
    this.finish(one.interactionId, 'completed');
  }

  finish(interactionId: string, state: Ended['state']): void {
    const one = this.interactions.get(interactionId);
    if (one === undefined) throw new Error('no such interaction');
    this.ends.set(interactionId, state);
    for (const listener of [...this.#listeners]) listener({ ...one, state });
  }

  grant(person: string, application = 'app', upstream = 'demo'): void {
    this.grants.set(JSON.stringify([person, application, upstream]), new AbortController());
  }

  revoke(person: string, application = 'app', upstream = 'demo'): void {
    const key = JSON.stringify([person, application, upstream]);
    this.grants.get(key)?.abort();
    this.grants.delete(key);
  }

  ended(
    interactionId: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Ended['state'] | 'timeout' | 'aborted'> {
    const known = this.ends.get(interactionId);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      const stop = this.onEnded((ended) => {
        if (ended.interactionId === interactionId) finish(ended.state);
      });
      const timer = setTimeout(() => finish('timeout'), timeoutMs);
      const finish = (state: Ended['state'] | 'timeout' | 'aborted'): void => {
        clearTimeout(timer);
        stop();
        resolve(state);
      };
      signal.addEventListener('abort', () => finish('aborted'), { once: true });
    });
  }

  onEnded(listener: (ended: Ended) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onGrantChanged(): () => void {
    return () => undefined;
  }

  onSessionEnded(listener: (nonce: string) => void): () => void {
    this.#sessionListeners.add(listener);
    return () => this.#sessionListeners.delete(listener);
  }

  async endSession(nonce: string): Promise<void> {
    this.endedSessions.push(nonce);
    for (const listener of [...this.#sessionListeners]) listener(nonce);
  }

  #credential({ caller }: CredentialRequest, revoked: AbortController): BorrowedCredential {
    const header = ['authorization', `Bearer up:${caller.subject}:${this.#generation}`] as const;
    return {
      kind: 'credential',
      header,
      grantId: `grant-${caller.subject}${this.suffix}`,
      revoked: revoked.signal,
    };
  }
}

function keyOf({ caller, upstream }: CredentialRequest): string {
  return JSON.stringify([caller.subject, caller.application, upstream.slug]);
}

function keyOfEnded({ subject, application, upstream }: Omit<Ended, 'state'>): string {
  return JSON.stringify([subject, application, upstream]);
}

/** `Bearer <subject>.<application>` is a good token. */
const tokenInbound: Inbound = {
  refuseMalformed: () => undefined,
  admit(request) {
    const [subject, application] = (request.headers.authorization ?? '')
      .replace(/^Bearer /, '')
      .split('.');
    if (subject === undefined || application === undefined)
      return {
        ok: false,
        status: 401,
        headers: { 'www-authenticate': 'Bearer resource_metadata="http://x"' },
        code: 'unauthenticated',
        detail: 'An access token is required.',
      };
    const caller = {
      issuer: 'corporate',
      iss: 'https://idp.example',
      subject,
      application,
      machine: false,
      scopes: [],
      claims: {},
      audiences: [],
      issuedAt: 0,
      expiresAt: 2_000_000_000,
    };
    return { ok: true, caller, token: `${subject}.${application}` };
  },
};

export interface TestGateway {
  readonly url: string;
  readonly lines: Record<string, unknown>[];
  close(): Promise<void>;
}

export interface GatewayOptions extends Partial<
  Pick<McpDeps, 'holdMs' | 'strictElicitation' | 'sealer' | 'inbound'>
> {
  readonly credential?: 'oauth' | 'none';
  readonly timeoutMs?: number;
  readonly port?: number;
}

export const testSealer = (): StateSealer =>
  new StateSealer([{ id: randomBytes(16), key: randomBytes(32) }], 'gateway');

/** A gateway of the MCP routes alone, with `demo` behind it. */
export async function startGateway(
  upstreamUrl: string,
  vault: FakeVault,
  options: GatewayOptions = {},
): Promise<TestGateway> {
  const url = new URL(upstreamUrl);
  const config = {
    slug: 'demo',
    name: 'Demo',
    type: 'mcp' as const,
    url: upstreamUrl,
    access: { scopes: [], claims: {} },
    credential:
      options.credential === 'none'
        ? { type: 'none' as const }
        : { type: 'oauth' as const, scopes: [] },
    inject: { header: 'authorization', scheme: 'Bearer' },
    discovery: false,
    timeoutMs: options.timeoutMs ?? 5000,
  };
  const dispatcher = new Agent();
  const upstream = { config, origin: url.origin, basePath: url.pathname, dispatcher };
  const lines: Record<string, unknown>[] = [];
  const app = fastify({ forceCloseConnections: true });
  const write = (entry: Record<string, unknown>): void => void lines.push(entry);
  registerMcpRoutes(app, {
    publicUrl: 'http://gateway.example',
    inbound: options.inbound ?? tokenInbound,
    upstreams: {
      find: (slug) => (slug === 'demo' ? upstream : undefined),
      all: () => [upstream],
      ready: true,
    },
    credentials: vault,
    watch: vault,
    sealer: options.sealer ?? testSealer(),
    clock: new SynchronisedClock(),
    log: { info: write, error: write },
    ...(options.holdMs === undefined ? {} : { holdMs: options.holdMs }),
    ...(options.strictElicitation === undefined
      ? {}
      : { strictElicitation: options.strictElicitation }),
  });
  await app.listen({ port: options.port ?? 0, host: '127.0.0.1' });
  return {
    url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/mcp/demo`,
    lines,
    async close() {
      await app.close();
      await dispatcher.destroy();
    },
  };
}
