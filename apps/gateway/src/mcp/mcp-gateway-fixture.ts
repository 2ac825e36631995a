import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { SynchronisedClock } from '#lib/clock/clock';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { Caller } from '#lib/jwt/caller';
import { Outbound } from '#lib/outbound/outbound';
import { CallServer } from '../connection/call-server.js';
import { CallRoutes } from '../call-routes.js';
import type { Inbound, Refusal } from '../inbound/inbound.js';
import { toolGateOf } from '../policy/tool-gate.js';
import { StateSealer } from '../sealed-state.js';
import { CircuitBreaker } from '../upstreams/circuit-breaker.js';
import type { McpDeps } from './mcp-call.js';
import { registerMcpRoutes } from './mcp-route.js';
import type { PersonVault } from './person-vault-fixture.js';

/** What the token of each subject says; by default nothing. */
export type People = Readonly<Record<string, Partial<Pick<Caller, 'scopes' | 'claims'>>>>;

function needs(_path: string, scopes: readonly string[], caller?: Caller): Refusal {
  const challenge = caller === undefined ? '' : 'error="insufficient_scope", ';
  const value = `Bearer ${challenge}scope="${['base', ...scopes].join(' ')}", resource_metadata="http://x"`;
  return {
    ok: false,
    status: caller === undefined ? 401 : 403,
    headers: { 'www-authenticate': value },
    code: caller === undefined ? 'unauthenticated' : 'insufficient-scope',
    detail: `Needs ${scopes.join(' ')}.`,
  };
}

/** `Bearer <subject>.<application>` is a good token. */
export const inboundOf = (expiresInSeconds: number, people: People): Inbound => ({
  refuseMalformed: () => undefined,
  brought: () => undefined,
  needs,
  admit(request) {
    const [subject, application] = (request.headers.authorization ?? '')
      .replace(/^Bearer /, '')
      .split('.');
    if (subject === undefined || application === undefined)
      return {
        ok: false,
        status: 401,
        headers: { 'www-authenticate': 'Bearer resource_metadata="http://x"' },
        code: request.headers.authorization === undefined ? 'unauthenticated' : 'invalid-token',
        detail: 'An access token is required.',
      };
    const caller = {
      issuer: 'corporate',
      iss: 'https://idp.example',
      subject,
      application,
      machine: false,
      scopes: people[subject]?.scopes ?? [],
      claims: people[subject]?.claims ?? {},
      audiences: [],
      issuedAt: 0,
      expiresAt: Date.now() / 1000 + expiresInSeconds,
    };
    return { ok: true, caller, token: `${subject}.${application}` };
  },
});

export interface TestGateway {
  readonly url: string;
  readonly lines: Record<string, unknown>[];
  close(): Promise<void>;
}

export interface GatewayOptions extends Partial<
  Pick<McpDeps, 'holdMs' | 'strictElicitation' | 'sealer' | 'inventory' | 'decisions'>
> {
  readonly credential?: 'oauth' | 'none';
  readonly timeoutMs?: number;
  readonly port?: number;
  /** Life of the callers' tokens. */
  readonly expiresInSeconds?: number;
  readonly people?: People;
  /** Of the upstream's registration. */
  readonly upstream?: Partial<UpstreamConfig>;
}

export const testSealer = (): StateSealer =>
  new StateSealer([{ id: randomBytes(16), key: randomBytes(32) }], 'gateway');

/** A gateway of the MCP routes alone, with `demo` behind it. */
export async function startGateway(
  upstreamUrl: string,
  vault: PersonVault,
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
    ...options.upstream,
  };
  const outbound = new Outbound({ mode: 'development', allow: [] });
  const { dispatcher } = outbound;
  const breaker = new CircuitBreaker(new SynchronisedClock());
  const toolGate = toolGateOf(config);
  const upstream = {
    config,
    origin: url.origin,
    basePath: url.pathname,
    dispatcher,
    breaker,
    toolGate,
  };
  const lines: Record<string, unknown>[] = [];
  const routes = new CallRoutes();
  const app = fastify({
    forceCloseConnections: true,
    serverFactory: (next) => new CallServer({}, routes.before(next), routes),
  });
  const write = (entry: Record<string, unknown>): void => void lines.push(entry);
  registerMcpRoutes(routes, {
    publicUrl: 'http://gateway.example',
    inbound: inboundOf(options.expiresInSeconds ?? 3600, options.people ?? {}),
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
    access: { wrote: ({ caller, ...line }) => write({ ...line, ...caller }) },
    ...(options.inventory === undefined ? {} : { inventory: options.inventory }),
    ...(options.decisions === undefined ? {} : { decisions: options.decisions }),
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
      await outbound.close();
    },
  };
}
