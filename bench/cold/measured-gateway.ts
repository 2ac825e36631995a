import { type ChildProcess, fork, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { IssuerConfig, UpstreamConfig } from '#lib/contract/config-snapshot';
import { freePort } from '#lib/testing/free-port';
import type { LendingVaultSettings } from './lending-vault.js';

const gatewayId = 'bench';

/** A gateway as it runs in production, before a vault that lends everybody a token, in processes of their own. */
export class MeasuredGateway {
  readonly #children: ChildProcess[] = [];

  private constructor(
    readonly origin: string,
    /** From its spawning until it was ready. */
    public startSeconds = Number.NaN,
    public pid?: number,
  ) {}

  static async start(
    issuers: readonly IssuerConfig[],
    upstreams: readonly UpstreamConfig[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<MeasuredGateway> {
    const port = await freePort();
    const gateway = new MeasuredGateway(`http://127.0.0.1:${port}`);
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const vaultUrl = await gateway.#vault({
      gatewayId,
      gatewayKey: pair.publicKey.export({ format: 'jwk' }) as Record<string, string>,
      snapshot: { issuers: [...issuers], applications: [], upstreams: [...upstreams] },
    });
    await gateway.#start(port, {
      ...environment,
      SYMBOLON_VAULT_URL: vaultUrl,
      SYMBOLON_GATEWAY_KEY: JSON.stringify(pair.privateKey.export({ format: 'jwk' })),
    });
    return gateway;
  }

  async #vault(settings: LendingVaultSettings): Promise<string> {
    const vault = fork(fileURLToPath(new URL('./lending-vault.js', import.meta.url)));
    this.#children.push(vault);
    vault.send(settings);
    const [url] = (await once(vault, 'message')) as [string];
    return url;
  }

  async #start(port: number, env: Readonly<Record<string, string>>): Promise<void> {
    const startedMs = performance.now();
    const main = fileURLToPath(new URL('../../apps/gateway/src/main.js', import.meta.url));
    const gateway = spawn(process.execPath, ['--enable-source-maps', main], {
      // The line of each call is written, to where it costs no disk.
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...env,
        SYMBOLON_MODE: 'development',
        SYMBOLON_GATEWAY_PUBLIC_URL: this.origin,
        SYMBOLON_GATEWAY_PORT: String(port),
        SYMBOLON_GATEWAY_ID: gatewayId,
        SYMBOLON_METRICS_PORT: String(await freePort()),
      },
    });
    this.#children.push(gateway);
    await untilReady(this.origin, gateway);
    this.startSeconds = (performance.now() - startedMs) / 1000;
    this.pid = gateway.pid;
  }

  async stop(): Promise<void> {
    const running = this.#children.filter((child) => child.exitCode === null);
    for (const child of running) child.kill();
    await Promise.all(running.map((child) => once(child, 'exit')));
  }
}

/** Asks every five milliseconds, so that a start is known as exactly. */
async function untilReady(origin: string, process: ChildProcess): Promise<void> {
  const end = performance.now() + 30_000;
  while (performance.now() < end && process.exitCode === null) {
    const status = await fetch(`${origin}/readyz`).then(
      async (response) => (await response.arrayBuffer(), response.status),
      () => 0,
    );
    if (status === 200) return;
    await sleep(5);
  }
  throw new Error(`${origin} did not become ready`);
}
