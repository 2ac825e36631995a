import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { Agent } from 'undici';
import { SynchronisedClock } from '#lib/clock/clock';
import type { Inbound } from '../inbound/inbound.js';
import { StateSealer } from '../sealed-state.js';
import type { McpDeps } from './mcp-call.js';
import { registerMcpRoutes } from './mcp-route.js';
import type { PersonVault } from './person-vault-fixture.js';

/** `Bearer <subject>.<application>` is a good token. */
const inboundOf = (expiresInSeconds: number): Inbound => ({
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
  Pick<McpDeps, 'holdMs' | 'strictElicitation' | 'sealer'>
> {
  readonly credential?: 'oauth' | 'none';
  readonly timeoutMs?: number;
  readonly port?: number;
  /** Life of the callers' tokens. */
  readonly expiresInSeconds?: number;
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
  };
  const dispatcher = new Agent();
  const upstream = { config, origin: url.origin, basePath: url.pathname, dispatcher };
  const lines: Record<string, unknown>[] = [];
  const app = fastify({ forceCloseConnections: true });
  const write = (entry: Record<string, unknown>): void => void lines.push(entry);
  registerMcpRoutes(app, {
    publicUrl: 'http://gateway.example',
    inbound: inboundOf(options.expiresInSeconds ?? 3600),
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
