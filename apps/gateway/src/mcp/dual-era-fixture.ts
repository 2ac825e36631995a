import { randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';

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
  /** How long the tool `slow` takes. */
  slowness: () => Promise<unknown> = () => new Promise((resolve) => setTimeout(resolve, 1500));
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
      await this.slowness();
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
