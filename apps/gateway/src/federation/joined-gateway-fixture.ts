import type { AddressInfo } from 'node:net';
import {
  Client as ModernClient,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import fastify from 'fastify';
import { SynchronisedClock } from '#lib/clock/clock';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import { Outbound } from '#lib/outbound/outbound';
import { until } from '#lib/testing/until';
import { CallRoutes } from '../call-routes.js';
import { CallServer } from '../connection/call-server.js';
import { inboundOf, testSealer, type People } from '../mcp/mcp-gateway-fixture.js';
import { PersonVault } from '../mcp/person-vault-fixture.js';
import { toolGateOf } from '../policy/tool-gate.js';
import type { StateSealer } from '../sealed-state.js';
import { CircuitBreaker } from '../upstreams/circuit-breaker.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';
import { registerFederationRoute } from './federation-route.js';
import type { FederationDeps } from './federation.js';

export interface Joined {
  readonly url: string;
  readonly vault: PersonVault;
  readonly sealer: StateSealer;
  readonly lines: Record<string, unknown>[];
  configure(configs: readonly UpstreamConfig[]): void;
  close(): Promise<void>;
}

export interface JoinedOptions extends Partial<
  Pick<FederationDeps, 'holdMs' | 'listDeadlineMs' | 'sealer' | 'limits' | 'clock'>
> {
  readonly people?: People;
  readonly vault?: PersonVault;
}

export function mcpUpstream(
  slug: string,
  url: string,
  changes: Partial<UpstreamConfig> = {},
): UpstreamConfig {
  return {
    slug,
    name: slug.toUpperCase(),
    type: 'mcp',
    url,
    access: { scopes: [], claims: {} },
    credential: { type: 'oauth', scopes: [] },
    inject: { header: 'authorization', scheme: 'Bearer' },
    discovery: false,
    timeoutMs: 5000,
    ...changes,
  };
}

/** A gateway of the joined route alone; `Bearer <subject>.<application>` is a good token. */
export async function startJoined(
  configs: readonly UpstreamConfig[],
  options: JoinedOptions = {},
): Promise<Joined> {
  const outbound = new Outbound({ mode: 'development', allow: [] });
  const { dispatcher } = outbound;
  const vault = options.vault ?? new PersonVault();
  const sealer = options.sealer ?? testSealer();
  const lines: Record<string, unknown>[] = [];
  const prepare = (config: UpstreamConfig): PreparedUpstream => {
    const { origin, pathname } = new URL(config.url);
    const breaker = new CircuitBreaker(new SynchronisedClock());
    const toolGate = toolGateOf(config);
    return { config, origin, basePath: pathname, dispatcher, breaker, toolGate };
  };
  let upstreams = configs.map(prepare);
  const listeners: (() => void)[] = [];
  const routes = new CallRoutes();
  const app = fastify({
    forceCloseConnections: true,
    serverFactory: (next) => new CallServer({}, routes.before(next), routes),
  });
  const write = (entry: Record<string, unknown>): void => void lines.push(entry);
  registerFederationRoute(routes, {
    publicUrl: 'http://gateway.example',
    inbound: inboundOf(3600, options.people ?? {}),
    upstreams: {
      find: (slug) => upstreams.find(({ config }) => config.slug === slug),
      all: () => upstreams,
      ready: true,
      onChange: (listener) => void listeners.push(listener),
    },
    ...{ credentials: vault, watch: vault, sealer },
    clock: options.clock ?? new SynchronisedClock(),
    log: { info: write, error: write },
    access: { wrote: ({ caller, ...line }) => write({ ...line, ...caller }) },
    holdMs: options.holdMs ?? 5000,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.listDeadlineMs === undefined ? {} : { listDeadlineMs: options.listDeadlineMs }),
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/mcp`,
    ...{ vault, sealer, lines },
    configure: (next) => {
      upstreams = next.map(prepare);
      for (const listener of listeners) listener();
    },
    async close() {
      await app.close();
      await outbound.close();
    },
  };
}

/** Waits until it is so; fails where it never is. */
export async function soon(isSo: () => boolean | Promise<boolean>): Promise<void> {
  if (!(await until(isSo, { seconds: 10, everyMs: 10 }))) throw new Error('it never came to that');
}

const version = '2026-07-28';

export async function connectModern(
  url: string,
  token: string,
  capabilities: ConstructorParameters<typeof ModernClient>[1] = {},
): Promise<ModernClient> {
  const client = new ModernClient(
    { name: 'modern-test', version: '1' },
    { versionNegotiation: { mode: { pin: version } }, ...capabilities },
  );
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    }),
  );
  return client;
}

export async function connectLegacy(
  url: string,
  token: string,
  options: ConstructorParameters<typeof LegacyClient>[1] = {},
  prepare: (client: LegacyClient) => void = () => undefined,
): Promise<LegacyClient> {
  const client = new LegacyClient({ name: 'legacy-test', version: '1' }, options);
  prepare(client);
  const transport = new LegacyTransport(new URL(url), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
  });
  await client.connect(transport as Parameters<LegacyClient['connect']>[0]);
  return client;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: { result?: Record<string, unknown>; error?: { code: number; message: string } };
}

/** A modern request as no SDK would write it. */
export async function postModern(
  url: string,
  token: string,
  method: string,
  params: Record<string, unknown>,
  more: { readonly capabilities?: object; readonly raw?: (text: string) => string } = {},
): Promise<RawAnswer> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientCapabilities': more.capabilities ?? {},
  };
  const name = params['name'] ?? params['uri'] ?? params['taskId'];
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } });
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': version,
      'mcp-method': method,
      ...(typeof name === 'string' && method !== 'completion/complete' ? { 'mcp-name': name } : {}),
    },
    body: more.raw?.(body) ?? body,
  });
  const text = await response.text();
  const json = text.startsWith('event:') ? (text.trim().split('data: ').at(-1) ?? '') : text;
  return {
    status: response.status,
    headers: response.headers,
    text: json,
    body: JSON.parse(json) as RawAnswer['body'],
  };
}

export interface Subscription {
  readonly response: Response;
  /** As they come. */
  readonly events: { readonly method: string; readonly params: Record<string, unknown> }[];
}

/** `subscriptions/listen` as no SDK would write it, until `stop`; its id is `sub`. */
export async function listenModern(
  url: string,
  token: string,
  notifications: Record<string, unknown>,
  { capabilities, stop }: { readonly capabilities: object; readonly stop: AbortController },
): Promise<Subscription> {
  const method = 'subscriptions/listen';
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  };
  const response = await fetch(url, {
    method: 'POST',
    signal: stop.signal,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': version,
      'mcp-method': method,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 'sub', method, params: { notifications, _meta } }),
  });
  const events: Subscription['events'] = [];
  void (async () => {
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? [])
      for (const [, data = ''] of chunk.matchAll(/^data: (.*)$/gm)) events.push(JSON.parse(data));
  })().catch(() => undefined);
  return { response, events };
}
