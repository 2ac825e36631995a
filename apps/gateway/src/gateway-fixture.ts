import { createPublicKey } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import type { ConfigSnapshot, IssuerConfig, UpstreamConfig } from '#lib/contract/config-snapshot';
import { createLogger } from '#lib/observability/logger';
import { freePort } from '#lib/testing/free-port';
import { startLocalServer, type LocalServer } from '#lib/testing/local-server';
import { TestIssuer } from '#lib/testing/test-issuer';
import type { Tracing } from '#lib/tracing/tracing';
import { readGatewayConfig } from './config.js';
import { FakeVault } from '#lib/testing/fake-vault';
import type { GatewayEvent } from './log-events.js';
import { startGateway, type RunningGateway } from './start-gateway.js';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
}

export interface GatewayFixture {
  readonly origin: string;
  readonly issuer: TestIssuer;
  readonly vault: FakeVault;
  readonly upstream: LocalServer;
  /** Everything that the upstream received, in order. */
  readonly seen: SeenRequest[];
  /** What the upstream does; by default 200 with the request's header names. */
  serve: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
  /** All log lines. */
  readonly log: string[];
  /** An access token of alice for this route. */
  token(path?: string, claims?: Readonly<Record<string, unknown>>): Promise<string>;
  stop(): Promise<void>;
}

export interface FixtureOptions {
  readonly upstreams?: (origin: string) => UpstreamConfig[];
  readonly snapshot?: Partial<ConfigSnapshot>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly tracing?: Tracing;
}

/** An `http` upstream whose credential is a person's. */
export function upstreamOf(
  slug: string,
  url: string,
  changes: Partial<UpstreamConfig> = {},
): UpstreamConfig {
  return {
    slug,
    name: slug,
    type: 'http',
    url,
    access: { scopes: [], claims: {} },
    credential: { type: 'oauth', scopes: ['read'] },
    inject: { header: 'authorization', scheme: 'Bearer' },
    discovery: false,
    timeoutMs: 5000,
    ...changes,
  };
}

export function issuerOf(issuer: TestIssuer, changes: Partial<IssuerConfig> = {}): IssuerConfig {
  return {
    slug: 'corporate',
    issuer: issuer.issuer,
    alsoIssuedAs: [],
    jwksUri: issuer.jwksUri,
    algorithms: ['RS256'],
    tokenTypes: ['at+jwt'],
    audiences: [],
    baseScopes: ['symbolon'],
    subjectClaim: 'sub',
    unknownApplications: 'ask',
    ...changes,
  };
}

/** A gateway as it runs, with a fake vault, a real issuer and a real upstream around it. */
export async function startGatewayFixture(options: FixtureOptions = {}): Promise<GatewayFixture> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: 'key-of-this-test', alg: 'ES256' };
  const issuer = await TestIssuer.start();
  const seen: SeenRequest[] = [];
  const log: string[] = [];
  const upstream = await startLocalServer((request, response) => {
    const { method = '', url = '', headers, rawHeaders } = request;
    seen.push({ method, url, headers, rawHeaders });
    return fixture.serve(request, response);
  });
  const upstreams = options.upstreams?.(upstream.origin) ?? [
    upstreamOf('reports', `${upstream.origin}/api`),
    upstreamOf('open', upstream.origin, { credential: { type: 'none' } }),
  ];
  const vault = await FakeVault.start({
    gatewayId: 'gateway-1',
    gatewayKey: createPublicKey({ key: jwk, format: 'jwk' }),
    snapshot: { issuers: [issuerOf(issuer)], applications: [], upstreams, ...options.snapshot },
  });
  const origin = `http://127.0.0.1:${await freePort()}`;
  const config = readGatewayConfig({
    SYMBOLON_MODE: 'development',
    SYMBOLON_GATEWAY_PUBLIC_URL: origin,
    SYMBOLON_GATEWAY_PORT: new URL(origin).port,
    SYMBOLON_VAULT_URL: vault.url,
    SYMBOLON_GATEWAY_ID: 'gateway-1',
    SYMBOLON_GATEWAY_KEY: JSON.stringify(jwk),
    SYMBOLON_LOG_LEVEL: 'trace',
    // A busy machine is no reason to refuse what tests count.
    SYMBOLON_GATEWAY_SHED_DELAY_MS: '0',
    ...options.environment,
  });
  const destination = { write: (line: string) => void log.push(line) };
  const gateway: RunningGateway = await startGateway(
    config,
    createLogger<GatewayEvent>({ app: 'gateway', level: config.logLevel, destination }),
    destination,
    { tracing: options.tracing },
  );
  const fixture: GatewayFixture = {
    origin,
    issuer,
    vault,
    upstream,
    seen,
    log,
    serve: (_request, response) =>
      void response.writeHead(200, { 'content-type': 'text/plain' }).end('hello'),
    token: (path = '/http/reports', claims = {}) =>
      issuer.accessToken({
        subject: 'alice',
        clientId: 'cli',
        audience: `${origin}${path}`,
        claims,
      }),
    stop: async () => {
      await gateway.stop();
      await Promise.all([vault.stop(), issuer.stop(), upstream.stop()]);
    },
  };
  await ready(origin);
  return fixture;
}

async function ready(origin: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const response = await fetch(`${origin}/readyz`);
    await response.arrayBuffer();
    if (response.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('the gateway did not become ready');
}

/** What the vault answers where it has a token. */
export function tokenAnswer(token: string, changes: Readonly<Record<string, unknown>> = {}) {
  const body = {
    access_token: token,
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    token_type: 'Bearer',
    expires_in: 3600,
    grant_id: 'grant-1',
    grant_version: 1,
    ...changes,
  };
  return { body };
}
