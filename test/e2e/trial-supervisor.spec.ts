import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isAlive } from '#lib/embedded-postgres/postmaster-pid';
import { TrialStack } from '#lib/testing/trial-stack';

const only = ['corporate-idp', 'upstream-idp', 'snowdemo', 'reports'];

let stateDir: string;
let running: TrialStack[];

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'symbolon-supervisor-'));
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((trial) => trial.stop()));
  await rm(stateDir, { recursive: true, force: true });
});

async function start(portBase?: number): Promise<TrialStack> {
  const base = portBase === undefined ? {} : { portBase };
  const trial = await TrialStack.start({ stateDir, only, ...base });
  running.push(trial);
  return trial;
}

function control(...args: string[]): Promise<{ readonly stdout: string }> {
  const env = { ...process.env, SYMBOLON_STATE_DIR: stateDir };
  return promisify(execFile)(process.execPath, ['dist/trial/control.js', ...args], { env });
}

async function pidsOf(trial: TrialStack): Promise<number[]> {
  return Object.values(await trial.status()).flatMap(({ pid }) => pid ?? []);
}

test('it starts once, starts a killed piece again, restarts one by name, says what is wrong, and leaves nothing behind', async () => {
  await expect(control('status')).rejects.toThrow('No trial is running with the data in');
  const trial = await start();
  expect((await stat(join(stateDir, 'admin-token'))).mode & 0o777).toBe(0o600);
  await expect(start()).rejects.toThrow(/already running \(process \d+, ports from \d+\)/);
  await trial.kill('snowdemo');
  await expect
    .poll(async () => (await trial.status())['snowdemo'])
    .toMatchObject({
      state: 'ready',
      restarts: 1,
    });
  const before = (await trial.status())['upstream-idp']?.pid;
  await trial.restart('upstream-idp');
  const after = (await trial.status())['upstream-idp'];
  expect(after).toMatchObject({ state: 'ready', restarts: 0 });
  expect(after?.pid).not.toBe(before);
  expect((await control('status')).stdout).toMatch(/upstream-idp +ready/);
  await expect(control('restart', 'nothing')).rejects.toThrow('There is no piece nothing.');
  const pids = await pidsOf(trial);
  await trial.stop();
  expect(pids.map((pid) => isAlive(pid))).toEqual([false, false, false, false]);
});

test('a second start keeps keys and secrets, and tells a taken port in one sentence that names it and what to do', async () => {
  const first = await start();
  const keys = () => fetch(`${first.urls.upstreamIdp}/jwks`).then((answer) => answer.text());
  const before = [await keys(), first.adminToken];
  await first.stop();
  const base = first.urls.ports['gateway'] ?? 0;
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(base + 300, '127.0.0.1', resolve));
  await expect(start(base)).rejects.toThrow(
    `Port ${base + 300} (upstream IdP) on 127.0.0.1 is taken by another program: stop it, or use other ports with SYMBOLON_PORT_BASE=5000 npm start.`,
  );
  await new Promise((resolve) => squatter.close(resolve));
  const second = await start(base);
  expect([await keys(), second.adminToken]).toEqual(before);
});

test('a supervisor that was killed leaves nothing that keeps the next one from starting', async () => {
  const first = await start();
  const pids = await pidsOf(first);
  const lock = JSON.parse(await readFile(join(stateDir, 'trial.lock'), 'utf8')) as { pid: number };
  process.kill(lock.pid, 'SIGKILL');
  await expect.poll(() => isAlive(lock.pid)).toBe(false);
  const second = await start(first.urls.ports['gateway']);
  expect(await pidsOf(second)).toHaveLength(pids.length);
  expect(await pidsOf(second)).not.toContain(pids[0]);
});
