import { createPublicKey } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import { AppProcess } from '#lib/testing/app-process';
import { FakeVault } from '#lib/testing/fake-vault';
import { freePort } from '#lib/testing/free-port';
import { startLocalServer, type LocalServer } from '#lib/testing/local-server';
import { TestIssuer } from '#lib/testing/test-issuer';

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A gateway of several processes, with what it stands between. */
export class WorkersWorld {
  private constructor(
    readonly app: AppProcess,
    readonly vault: FakeVault,
    readonly issuer: TestIssuer,
    readonly upstream: LocalServer,
    private readonly folder: string,
  ) {}

  /** Not started yet. `serve` is the upstream. */
  static async make(
    serve: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>,
    upstreams: (origin: string) => UpstreamConfig[] = () => [],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<WorkersWorld> {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = { ...(await exportJWK(privateKey)), alg: 'ES256' };
    const issuer = await TestIssuer.start();
    const upstream = await startLocalServer(serve);
    const vault = await FakeVault.start({
      gatewayId: 'gateway-1',
      gatewayKey: createPublicKey({ key: jwk, format: 'jwk' }),
      snapshot: {
        issuers: [issuerConfig(issuer)],
        applications: [],
        upstreams: upstreams(upstream.origin),
      },
    });
    const url = `http://127.0.0.1:${await freePort()}`;
    const folder = await mkdtemp(join(tmpdir(), 'symbolon-workers-'));
    const app = new AppProcess({
      main: 'dist/apps/gateway/src/main.js',
      url,
      log: join(folder, 'log'),
      env: {
        SYMBOLON_MODE: 'development',
        SYMBOLON_GATEWAY_WORKERS: '2',
        // A busy machine is no reason to refuse what these tests count.
        SYMBOLON_GATEWAY_SHED_DELAY_MS: '0',
        SYMBOLON_GATEWAY_PUBLIC_URL: url,
        SYMBOLON_GATEWAY_PORT: new URL(url).port,
        SYMBOLON_METRICS_PORT: String(await freePort()),
        SYMBOLON_VAULT_URL: vault.url,
        SYMBOLON_GATEWAY_ID: 'gateway-1',
        SYMBOLON_GATEWAY_KEY: JSON.stringify(jwk),
        ...environment,
      },
    });
    return new WorkersWorld(app, vault, issuer, upstream, folder);
  }

  get url(): string {
    return this.app.options.url;
  }

  async stop(): Promise<void> {
    await this.app.stop();
    await Promise.all([this.vault.stop(), this.issuer.stop(), this.upstream.stop()]);
    await rm(this.folder, { recursive: true, force: true });
  }

  token(path: string, subject = 'alice'): Promise<string> {
    return this.issuer.accessToken({ subject, clientId: 'cli', audience: `${this.url}${path}` });
  }

  /** On a connection of its own: the next one goes to the next worker. */
  send(path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = httpRequest(
        `${this.url}${path}`,
        { method, headers, agent: false },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8');
          answer.on('data', (part: string) => (text += part));
          answer.once('error', reject);
          answer.once('end', () =>
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
          );
        },
      );
      sent.once('error', reject);
      sent.end(body);
    });
  }

  output(): Promise<string> {
    return readFile(this.app.options.log, 'utf8');
  }

  /** What was logged, as objects; a line that is torn is no JSON. */
  async lines(event: string): Promise<Record<string, unknown>[]> {
    const entries = (await this.output())
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    return entries.filter((entry) => entry['event'] === event);
  }

  /** The process ids of all workers that ever served, the oldest first. */
  async pids(): Promise<number[]> {
    return (await this.lines('worker.started')).map(({ pid }) => Number(pid));
  }

  /** The value of a metric whose line begins like this. */
  async metric(start: string): Promise<number> {
    const { SYMBOLON_METRICS_PORT: port } = this.app.options.env;
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(start));
    return Number(line?.split(' ').at(-1));
  }
}

/** Whether there is such a process. */
export function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

export function upstreamOf(
  slug: string,
  url: string,
  changes: Partial<UpstreamConfig> = {},
): UpstreamConfig {
  return {
    ...{ slug, name: slug, url, type: 'http' },
    access: { scopes: [], claims: {} },
    credential: { type: 'none' },
    inject: { header: 'authorization', scheme: 'Bearer' },
    discovery: false,
    timeoutMs: 5_000,
    ...changes,
  };
}

function issuerConfig({ issuer, jwksUri }: TestIssuer) {
  return {
    ...{ slug: 'corporate', issuer, jwksUri, alsoIssuedAs: [], audiences: [], baseScopes: [] },
    algorithms: ['RS256'],
    tokenTypes: ['at+jwt'],
    subjectClaim: 'sub',
    unknownApplications: 'ask' as const,
  };
}
