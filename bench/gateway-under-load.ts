import { fork, spawn, type ChildProcess } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { exportJWK, generateKeyPair } from 'jose';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import { FakeVault } from '#lib/testing/fake-vault';
import { freePort } from '#lib/testing/free-port';
import { TestIssuer } from '#lib/testing/test-issuer';

/** A process that listens. */
export interface Listening {
  readonly origin: string;
  readonly pid: number | undefined;
}

/** A gateway process whose vault hands out a token for everybody, with what it stands in front of. */
export class GatewayUnderLoad {
  readonly #children: ChildProcess[] = [];
  readonly #vaults: FakeVault[] = [];

  private constructor(readonly issuer: TestIssuer) {}

  static async open(): Promise<GatewayUnderLoad> {
    return new GatewayUnderLoad(await TestIssuer.start());
  }

  /** Another program of this folder, as a process of its own; it sends its port. */
  async child(file: string, ...args: string[]): Promise<Listening> {
    const started = fork(fileURLToPath(new URL(file, import.meta.url)), args);
    this.#children.push(started);
    const [port] = (await once(started, 'message')) as [number];
    return { origin: `http://127.0.0.1:${port}`, pid: started.pid };
  }

  async gateway(
    upstreams: readonly UpstreamConfig[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Listening> {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(privateKey);
    const vault = await FakeVault.start({
      gatewayId: 'bench',
      gatewayKey: createPublicKey({ key: jwk as Record<string, string>, format: 'jwk' }),
      snapshot: {
        issuers: [issuerConfig(this.issuer)],
        applications: [],
        upstreams: [...upstreams],
      },
    });
    this.#vaults.push(vault);
    vault.answer = (form) => ({ body: tokenAnswer(form) });
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const main = fileURLToPath(new URL('../apps/gateway/src/main.js', import.meta.url));
    const env = {
      SYMBOLON_MODE: 'development',
      SYMBOLON_GATEWAY_PUBLIC_URL: origin,
      SYMBOLON_GATEWAY_PORT: String(port),
      SYMBOLON_VAULT_URL: vault.url,
      SYMBOLON_GATEWAY_ID: 'bench',
      SYMBOLON_GATEWAY_KEY: JSON.stringify(jwk),
      SYMBOLON_METRICS_PORT: String(await freePort()),
      ...environment,
    };
    // The access line of each call is written, to where it costs no disk.
    const started = spawn(process.execPath, [main], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env,
    });
    this.#children.push(started);
    await ready(origin);
    return { origin, pid: started.pid };
  }

  /** Tokens of so many people, good at `audience`. */
  tokens(people: number, audience: string): Promise<string[]> {
    const caller = { clientId: 'bench', audience, expiresIn: 3600 };
    return Promise.all(
      Array.from({ length: people }, (_, i) =>
        this.issuer.accessToken({ subject: `person-${i}`, ...caller }),
      ),
    );
  }

  async close(): Promise<void> {
    for (const each of this.#children) each.kill();
    await Promise.all([...this.#vaults.map((vault) => vault.stop()), this.issuer.stop()]);
  }
}

/** An upstream that takes each person's own token. */
export function personalUpstream(
  slug: string,
  type: 'http' | 'mcp',
  url: string,
  more: Partial<UpstreamConfig> = {},
): UpstreamConfig {
  return {
    ...{ slug, name: slug, type, url },
    access: { scopes: [], claims: {} },
    credential: { type: 'oauth', scopes: ['read'] },
    inject: { header: 'authorization', scheme: 'Bearer' },
    discovery: false,
    timeoutMs: 10_000,
    ...more,
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

function tokenAnswer(form: URLSearchParams) {
  return {
    access_token: 'upstream-token',
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    token_type: 'Bearer',
    expires_in: 3600,
    grant_id: `${form.get('audience')}-${form.get('subject_token')?.slice(-20)}`,
    grant_version: 1,
  };
}

async function ready(origin: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const status = await fetch(`${origin}/readyz`).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the gateway did not become ready');
}
