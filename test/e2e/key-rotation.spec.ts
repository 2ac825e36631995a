import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { VaultClient } from '#lib/contract/vault-client';
import { gatewayClient } from '#lib/testing/gateway-client';
import { queryDatabase } from '#lib/testing/postgres-query';
import { corePieces, TrialStack } from '#lib/testing/trial-stack';
import { startVaultReplica, type VaultReplica } from '#lib/testing/vault-replica';
import { admin, interactionsSoFar, TrialCaller } from './trial-caller.js';

interface Keys {
  readonly dataKeys: readonly { id: string; status: string }[];
  readonly rotation: {
    readonly phase: string;
    readonly outcome: string | null;
    readonly sealed: number;
  } | null;
}

const soon = { timeout: 30_000, interval: 100 };

let trial: TrialStack;
let doomed: VaultReplica;
let callers: readonly TrialCaller[];

beforeAll(async () => {
  // Tokens that last so shortly are refreshed all the time.
  trial = await TrialStack.start({ tokenTtl: 5, only: [...corePieces, 'reports'] });
  callers = await Promise.all([
    TrialCaller.connected(trial, 'alice'),
    TrialCaller.connected(trial, 'bob'),
  ]);
  doomed = await startVaultReplica(trial, { SYMBOLON_CRASH_AT: 'rotation-after-batch' });
});

afterAll(async () => {
  await doomed?.stop();
  await trial?.stop();
});

/** Exchanges without a pause until it is stopped. What a dead replica does not answer is asked of the other. */
class Load {
  readonly failures: unknown[] = [];
  served = 0;
  readonly #running: Promise<void>[] = [];
  #stopped = false;

  constructor(private readonly vaults: readonly VaultClient[]) {}

  start(): void {
    for (const caller of callers)
      for (const index of this.vaults.keys()) this.#running.push(this.#exchange(caller, index));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
    await Promise.all(this.vaults.map((vault) => vault.close()));
  }

  async #exchange(caller: TrialCaller, first: number): Promise<void> {
    while (!this.#stopped) {
      const outcome = await this.#ask(caller, first);
      if (outcome === 'token') this.served += 1;
      else this.failures.push(outcome);
      await sleep(10);
    }
  }

  async #ask({ accessToken: subjectToken }: TrialCaller, first: number): Promise<unknown> {
    const order = [...this.vaults.slice(first), ...this.vaults.slice(0, first)];
    let last: unknown;
    for (const vault of order) {
      const wanted = { subjectToken, audience: 'reports', interaction: 'create' } as const;
      const outcome = await vault.exchange(wanted);
      if (outcome.kind === 'token') return 'token';
      last = outcome;
      // A load balancer would ask the other; whatever a living vault answers counts.
      if (outcome.kind !== 'unavailable' || !/cannot be reached/.test(outcome.detail)) break;
    }
    return last;
  }
}

async function keys(): Promise<Keys> {
  return (await (await admin(trial, 'GET', 'keys')).json()) as Keys;
}

/** Runs the command as an administrator would. */
async function symbolon(...words: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['dist/apps/cli/src/main.js', ...words], {
    env: {
      ...process.env,
      SYMBOLON_VAULT_URL: trial.urls.vault,
      SYMBOLON_ADMIN_TOKEN: trial.adminToken,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

/** Values under each data key, of the columns that this story fills. */
async function under(): Promise<readonly string[]> {
  const columns = [
    ['registry_secret', 'sealed'],
    ['user_grant', 'refresh_token'],
    ['access_token', 'sealed'],
    ['upstream_authorization', 'pkce_verifier'],
  ];
  const rows = await queryDatabase<{ key: string }>(
    await trial.databaseUrl(),
    columns
      .map(
        ([table, column]) =>
          `SELECT encode(substring(${column} FROM 3 FOR 16), 'hex') AS key FROM ${table} WHERE ${column} IS NOT NULL`,
      )
      .join(' UNION '),
  );
  return rows.map(({ key }) => key);
}

const refreshes = async () =>
  (await trial.idpCounters('upstreamIdp')).succeeded['refresh_token'] ?? 0;

it('the data key is rotated under load, kill -9 in the middle: no exchange fails, nothing is left under the old key, and it is retired', async () => {
  const interactions = await interactionsSoFar(trial);
  const [old] = (await keys()).dataKeys;
  const load = new Load(
    await Promise.all([trial.urls.vault, doomed.url].map((url) => gatewayClient(trial, url))),
  );
  const before = await refreshes();
  load.start();

  const begun = await fetch(`${doomed.url}/admin/v1/keys/rotate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${trial.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ what: 'data-key' }),
  });
  expect(begun.status).toBe(202);
  expect(await doomed.ended).toBe('SIGKILL');
  expect((await keys()).rotation).toMatchObject({ phase: 'sealing' });
  expect(await under()).toContain(old?.id);

  await expect.poll(async () => (await keys()).rotation?.phase, soon).toBe('finished');
  const now = (await keys()).dataKeys;
  expect(now.map(({ status }) => status)).toEqual(['readable', 'primary']);
  expect(await under()).toEqual([now[1]?.id]);

  const retired = await symbolon('keys', 'retire', old?.id ?? '');
  expect(retired).toMatchObject({ code: 0, output: expect.stringContaining('it is deleted') });
  await expect.poll(refreshes, soon).toBeGreaterThan(before + 2);
  await load.stop();

  expect(load.failures).toEqual([]);
  expect(load.served).toBeGreaterThan(100);
  expect((await keys()).dataKeys).toEqual([expect.objectContaining({ id: now[1]?.id })]);
  expect((await trial.idpCounters('upstreamIdp')).refused).toEqual({});
  expect(await interactionsSoFar(trial)).toBe(interactions);
  const status = await symbolon('keys', 'status');
  expect(status.output).toMatch(/primary, since .*\n.*Key-encryption keys/);
  expect(await trial.logs()).not.toContain('"event":"seal.broken"');
});
