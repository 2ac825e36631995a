import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { startLocalServer, type LocalServer } from '#lib/testing/local-server';

type Json = Record<string, unknown>;

export interface ScriptedCall {
  readonly params: Json;
  readonly headers: IncomingHttpHeaders;
  /** The message as it came. */
  readonly text: string;
  notify(method: string, params: Json): void;
  /** A request of the server, legacy only; resolves with what the client answered. */
  ask(method: string, params: Json, id?: string): Promise<Json>;
  /** Ends the stream after an event that says where to resume it; resolves when it is (SEP-1699). */
  breakOff(): Promise<void>;
  /** Resolves when the client cancels or leaves. */
  readonly cancelled: Promise<void>;
}

/** A result, a result's JSON as it is to be sent, or `{error}`. */
export type Scripted = (call: ScriptedCall) => unknown;

interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Json;
  readonly result?: Json;
}

/** An MCP server of one era whose answers a test writes; it takes `Bearer up:…` only. */
export class ScriptedUpstream {
  readonly seen: {
    readonly method: string;
    readonly params: Json;
    readonly headers: IncomingHttpHeaders;
  }[] = [];
  /** Takes requests and never answers. */
  silent = false;
  /** Answers every request with this status and a page. */
  broken: number | undefined;
  /** Which subscriptions it takes. */
  knows: (notifications: Json) => boolean = () => true;
  /** What a legacy one declares. */
  capabilities: Json = { tools: {}, logging: {}, resources: { subscribe: true } };
  sessions = new Set<string>();
  readonly on = new Map<string, Scripted>();
  readonly #streams = new Set<ServerResponse>();
  readonly #answers = new Map<string, (result: Json) => void>();
  readonly #resumptions = new Map<string, (response: ServerResponse) => void>();
  readonly #cancels = new Map<unknown, () => void>();
  #server!: LocalServer;

  private constructor(readonly era: 'modern' | 'legacy') {}

  static async start(
    era: 'modern' | 'legacy',
    tools: readonly string[] = [],
  ): Promise<ScriptedUpstream> {
    const upstream = new ScriptedUpstream(era);
    upstream.tools = tools;
    upstream.#server = await startLocalServer((request, response) =>
      upstream.#serve(request, response),
    );
    return upstream;
  }

  set tools(names: readonly string[]) {
    this.on.set('tools/list', () => ({
      tools: names.map((name) => ({ name, inputSchema: { type: 'object' } })),
    }));
  }

  get url(): string {
    return `${this.#server.origin}/mcp`;
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  methods(): string[] {
    return this.seen.map(({ method }) => method);
  }

  /** On every stream that is open. */
  announce(method: string, params: Json = {}): void {
    for (const stream of this.#streams) send(stream, { jsonrpc: '2.0', method, params });
  }

  /** A request of the server on the streams that belong to no call. */
  inquire(method: string, params: Json): Promise<Json> {
    const id = randomUUID();
    for (const stream of this.#streams) send(stream, { jsonrpc: '2.0', id, method, params });
    return new Promise((resolve) => this.#answers.set(id, resolve));
  }

  hangUp(): void {
    for (const stream of this.#streams) stream.end();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await bodyOf(request);
    if (this.broken !== undefined)
      return void response.writeHead(this.broken, { 'content-type': 'text/html' }).end('<p>');
    if (this.silent) return;
    const credential = request.headers.authorization ?? '';
    if (!credential.startsWith('Bearer up:')) return void response.writeHead(401).end();
    if (request.method === 'GET') return this.#get(request, response);
    if (request.method === 'DELETE') {
      this.seen.push({ method: 'DELETE', params: {}, headers: request.headers });
      this.sessions.delete(String(request.headers['mcp-session-id']));
      return void response.writeHead(204).end();
    }
    const message = JSON.parse(text) as Message;
    if (message.method === undefined) {
      this.#answers.get(String(message.id))?.(message.result ?? { refused: true });
      return void response.writeHead(202).end();
    }
    this.seen.push({
      method: message.method,
      params: message.params ?? {},
      headers: request.headers,
    });
    return this.#message(request, response, message, text);
  }

  #get(request: IncomingMessage, response: ServerResponse): void {
    if (this.era === 'modern') return void response.writeHead(405).end();
    if (!this.sessions.has(String(request.headers['mcp-session-id'])))
      return void response.writeHead(404).end();
    const resumed = this.#resumptions.get(String(request.headers['last-event-id']));
    if (resumed !== undefined) return resumed(response);
    this.#keep(response);
  }

  #keep(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
  }

  async #message(
    request: IncomingMessage,
    response: ServerResponse,
    message: Message,
    text: string,
  ): Promise<void> {
    const { id, method = '', params = {} } = message;
    const isModern = request.headers['mcp-protocol-version'] === '2026-07-28';
    if (isModern !== (this.era === 'modern'))
      return json(response, 400, id, {
        error: { code: -32_000, message: 'No such revision here.' },
      });
    if (method === 'notifications/cancelled') this.#cancels.get(params['requestId'])?.();
    if (id === undefined) return void response.writeHead(202).end();
    if (method === 'initialize') {
      const session = randomUUID();
      this.sessions.add(session);
      response.setHeader('mcp-session-id', session);
      return json(response, 200, id, {
        result: {
          protocolVersion: '2025-11-25',
          capabilities: this.capabilities,
          serverInfo: { name: 's', version: '1' },
        },
      });
    }
    if (method === 'server/discover')
      return json(response, 200, id, {
        result: {
          resultType: 'complete',
          supportedVersions: ['2026-07-28'],
          capabilities: { tools: {} },
          ttlMs: 0,
          cacheScope: 'private',
        },
      });
    if (this.era === 'legacy' && !this.sessions.has(String(request.headers['mcp-session-id'])))
      return json(response, 404, id, { error: { code: -32_001, message: 'Session not found.' } });
    if (method === 'subscriptions/listen') {
      if (!this.knows(params['notifications'] as Json))
        return json(response, 400, id, { error: { code: -32_602, message: 'Not these.' } });
      this.#keep(response);
      return send(response, {
        jsonrpc: '2.0',
        method: 'notifications/subscriptions/acknowledged',
        params: { notifications: params['notifications'] },
      });
    }
    const scripted = this.on.get(method);
    if (scripted === undefined)
      return json(response, this.era === 'modern' ? 404 : 200, id, {
        error: { code: -32_601, message: 'Method not found.' },
      });
    return this.#scripted(scripted, { response, id, params, headers: request.headers, text });
  }

  async #scripted(
    scripted: Scripted,
    {
      response: first,
      id,
      params,
      headers,
      text,
    }: {
      response: ServerResponse;
      id: string | number;
      params: Json;
      headers: IncomingHttpHeaders;
      text: string;
    },
  ): Promise<void> {
    let response = first;
    const stream = (): void => {
      if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
    };
    const cancelled = new Promise<void>((resolve) => {
      this.#cancels.set(id, resolve);
      response.on('close', () => resolve());
    });
    const result = await scripted({
      ...{ params, headers, text, cancelled },
      notify: (method, own) => {
        stream();
        send(response, { jsonrpc: '2.0', method, params: own });
      },
      breakOff: async () => {
        stream();
        const eventId = randomUUID();
        const resumed = new Promise<ServerResponse>((resolve) => {
          this.#resumptions.set(eventId, resolve);
        });
        response.end(`retry: 5\nid: ${eventId}\ndata: \n\n`);
        response = await resumed;
        stream();
      },
      ask: (method, own, asked = randomUUID()) => {
        stream();
        send(response, { jsonrpc: '2.0', id: asked, method, params: own });
        return new Promise((resolve) => this.#answers.set(asked, resolve));
      },
    });
    const isError = typeof result === 'object' && result !== null && 'error' in result;
    const payload =
      typeof result === 'string'
        ? `"result":${result}`
        : JSON.stringify(isError ? result : { result }).slice(1, -1);
    const answer = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},${payload}}`;
    if (response.headersSent) return void response.end(`data: ${answer}\n\n`);
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
  }
}

function send(response: ServerResponse, message: Json): void {
  response.write(`data: ${JSON.stringify(message)}\n\n`);
}

function json(response: ServerResponse, status: number, id: unknown, payload: Json): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: id ?? null, ...payload }));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
