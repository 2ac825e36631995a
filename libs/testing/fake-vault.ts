import type { IncomingMessage, ServerResponse } from 'node:http';
import { jwtVerify, type CryptoKey, type KeyObject } from 'jose';
import type { ConfigSnapshot } from '#lib/contract/config-snapshot';
import { type ToolReport, type ToolReportAnswer, toolReport } from '#lib/contract/gateway-reports';
import type { PublishedEvent, VaultEvent } from '#lib/contract/events';
import { readBody, sendJson, startLocalServer, type LocalServer } from './local-server.js';

/** What the token endpoint answers, after `delayMs`. */
export interface ScriptedToken {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly delayMs?: number;
}

export interface FakeVaultOptions {
  readonly gatewayId: string;
  /** The public half of the gateway's key: every request is authenticated with it. */
  readonly gatewayKey: CryptoKey | KeyObject;
  readonly snapshot: Omit<ConfigSnapshot, 'version'>;
}

/** A vault of a few lines that speaks the contract over real HTTP, for tests of the gateway alone. */
export class FakeVault {
  /** Every form that the token endpoint received, in order. */
  readonly exchanges: URLSearchParams[] = [];
  /** The W3C Trace Context of each, in the same order. */
  readonly traces: (string | undefined)[] = [];
  /** Nonces of the sessions that the gateway ended. */
  readonly endedSessions: string[] = [];
  /** What gateways told (gateway-reports), in order. */
  readonly reports: { readonly path: string; readonly body: unknown }[] = [];
  /** What `POST /gateway/v1/tools` makes of a report; a vault that holds something has a newer version. */
  toolAnswer: (
    report: ToolReport,
  ) => Omit<ToolReportAnswer, 'version'> & { readonly version?: string } = () => ({
    held: [],
    overflow: [],
  });
  /** How the next token requests are answered. */
  answer: (form: URLSearchParams) => ScriptedToken | Promise<ScriptedToken> = () => ({
    status: 503,
    body: { error: 'temporarily_unavailable' },
  });
  /** While false, the stream stays open but silent. */
  beating = true;
  /** While true, nothing is answered but 503. */
  down = false;
  /** While true, no event stream can be opened. */
  mute = false;
  connections = 0;
  #version = 1;
  #snapshot: Omit<ConfigSnapshot, 'version'>;
  readonly #streams = new Set<ServerResponse>();
  #server!: LocalServer;
  #beats!: NodeJS.Timeout;

  private constructor(private readonly options: FakeVaultOptions) {
    this.#snapshot = options.snapshot;
  }

  static async start(options: FakeVaultOptions, port = 0): Promise<FakeVault> {
    const vault = new FakeVault(options);
    vault.#server = await startLocalServer(
      (request, response) => vault.#serve(request, response),
      port,
    );
    vault.#beats = setInterval(() => vault.beating && vault.beat(), 100);
    return vault;
  }

  get url(): string {
    return this.#server.origin;
  }

  get issuer(): string {
    return 'https://vault.example';
  }

  async stop(): Promise<void> {
    clearInterval(this.#beats);
    await this.#server.stop();
  }

  /** A heartbeat with the time of `lateBySeconds` ago. */
  beat(lateBySeconds = 0): void {
    this.#send({ type: 'heartbeat', at: Date.now() / 1000 - lateBySeconds });
  }

  publish(event: PublishedEvent): void {
    this.#send(event);
  }

  dropStreams(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  /** `version`: as after a restore, where it goes back or jumps; usually the next. */
  configure(snapshot: Omit<ConfigSnapshot, 'version'>, version = this.#version + 1): void {
    this.#snapshot = snapshot;
    this.#version = version;
    this.publish({ type: 'config', version: String(this.#version) });
  }

  #send(event: VaultEvent): void {
    for (const stream of this.#streams)
      stream.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.down) return sendJson(response, 503, { error: 'temporarily_unavailable' });
    const { pathname } = new URL(request.url ?? '/', this.url);
    if (pathname === '/.well-known/oauth-authorization-server')
      return sendJson(response, 200, { issuer: this.issuer });
    if (pathname === '/oauth2/token') return this.#token(request, response);
    const bearer = request.headers.authorization?.replace('Bearer ', '') ?? '';
    if (!(await this.#isGateway(bearer))) return sendJson(response, 401, {});
    if (pathname === '/gateway/v1/config') return this.#config(request, response);
    if (pathname === '/gateway/v1/events' && !this.mute) return this.#events(response);
    if (pathname === '/gateway/v1/sessions/ended') return this.#sessionEnded(request, response);
    if (request.method === 'POST') return this.#report(pathname, request, response);
    return sendJson(response, 404, {});
  }

  async #report(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body: unknown = JSON.parse(await readBody(request));
    this.reports.push({ path, body });
    if (path !== '/gateway/v1/tools') return sendJson(response, 200, {});
    const answer = this.toolAnswer(toolReport.parse(body));
    return sendJson(response, 200, { version: String(this.#version), ...answer });
  }

  async #token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await readBody(request));
    if (!(await this.#isGateway(form.get('client_assertion') ?? '')))
      return sendJson(response, 401, { error: 'invalid_client' });
    this.exchanges.push(form);
    const { traceparent } = request.headers;
    this.traces.push(typeof traceparent === 'string' ? traceparent : undefined);
    const { status = 200, headers = {}, body, delayMs = 0 } = await this.answer(form);
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    return sendJson(response, status, body);
  }

  #config(request: IncomingMessage, response: ServerResponse): void {
    const etag = `"${this.#version}"`;
    response.setHeader('etag', etag);
    if (request.headers['if-none-match'] === etag) response.writeHead(304).end();
    else sendJson(response, 200, { ...this.#snapshot, version: String(this.#version) });
  }

  #events(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    this.connections += 1;
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
    response.write(': welcome\n\n');
    if (this.beating) this.beat();
  }

  async #sessionEnded(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { nonce } = JSON.parse(await readBody(request)) as { nonce: string };
    this.endedSessions.push(nonce);
    response.writeHead(204).end();
    this.publish({ type: 'session-ended', nonce });
  }

  async #isGateway(assertion: string): Promise<boolean> {
    const { gatewayId, gatewayKey } = this.options;
    try {
      const { payload } = await jwtVerify(assertion, gatewayKey, {
        issuer: gatewayId,
        subject: gatewayId,
      });
      const { aud, iat = 0, exp = 0 } = payload;
      return aud === this.issuer && exp - iat <= 60;
    } catch {
      return false;
    }
  }
}
