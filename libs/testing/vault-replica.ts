import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';
import type { TrialStack } from './trial-stack.js';

/** A further vault on a trial's database: same issuer name and secrets, a port of its own. */
export interface VaultReplica {
  readonly url: string;
  /** Ends it with SIGTERM and waits for it. */
  stop(): Promise<void>;
  /** The signal that ended it, once one did. */
  readonly ended: Promise<NodeJS.Signals | null>;
}

const readyTimeoutMs = 30_000;

/** `env` is added to its settings, e.g. a crash point. */
export async function startVaultReplica(
  trial: TrialStack,
  env: Readonly<Record<string, string>> = {},
): Promise<VaultReplica> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const log = openSync(join(trial.stateDir, 'logs', `vault-${port}.log`), 'a', 0o600);
  const child = spawn(
    process.execPath,
    ['--enable-source-maps', join(process.cwd(), 'dist/apps/vault/src/main.js')],
    {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...(await settings(trial, port)), ...env },
    },
  );
  closeSync(log);
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('exit', (_code, signal) => resolve(signal)),
  );
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  try {
    await untilReady(`${url}/readyz`, () => child.exitCode === null);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop, ended };
}

async function settings(trial: TrialStack, port: number): Promise<Record<string, string>> {
  return {
    SYMBOLON_MODE: 'development',
    SYMBOLON_VAULT_PUBLIC_URL: trial.urls.vault,
    SYMBOLON_VAULT_HOST: '127.0.0.1',
    SYMBOLON_VAULT_PORT: String(port),
    SYMBOLON_DATABASE_URL: await trial.vaultDatabaseUrl(),
    SYMBOLON_KEYRING: `file:${join(trial.stateDir, 'secrets', 'keyring')}`,
    SYMBOLON_ADMIN_TOKEN: await readFile(join(trial.stateDir, 'admin-token'), 'utf8'),
    SYMBOLON_METRICS_PORT: String(await freePort()),
    SYMBOLON_LOG_LEVEL: 'info',
  };
}

async function untilReady(url: string, alive: () => boolean): Promise<void> {
  const end = performance.now() + readyTimeoutMs;
  while (alive() && performance.now() < end) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.status === 200) return;
    await sleep(100);
  }
  throw new Error('the second vault did not become ready; read its log');
}
