import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** A server that runs on a data directory, as its postmaster.pid tells. */
export interface RunningPostmaster {
  readonly pid: number;
  readonly port: number;
}

/** Reads postmaster.pid; removes it when its process is gone or is something else (a reused process id). */
export async function findPostmaster(cluster: string): Promise<RunningPostmaster | undefined> {
  const file = join(cluster, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  if (isAlive(pid) && (await isServerOf(cluster, pid))) return { pid, port: Number(lines[3]) };
  await rm(file, { force: true });
  return undefined;
}

/** Fast shutdown (SIGINT), then immediate (SIGQUIT), as Postgres defines them; waits for the end. */
export async function stopPostmaster(pid: number, atOnce = false): Promise<void> {
  const signals = ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const;
  for (const signal of atOnce ? signals.slice(-1) : signals) {
    if (!isAlive(pid)) return;
    process.kill(pid, signal);
    if (await ended(pid, 10_000)) return;
  }
}

async function ended(pid: number, timeoutMs: number): Promise<boolean> {
  for (let waited = 0; waited < timeoutMs; waited += 20) {
    if (!isAlive(pid)) return true;
    await sleep(20);
  }
  return false;
}

/** Whether a process of this id exists, ours or not. */
export function isAlive(pid: number): boolean {
  try {
    return pid > 1 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Its command line is `…/bin/postgres -D CLUSTER …`; anything else merely got the number of a dead server. */
async function isServerOf(cluster: string, pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() =>
    promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).then(
      ({ stdout }) => stdout,
      () => '',
    ),
  );
  return command.replaceAll('\0', ' ').includes(`/bin/postgres -D ${cluster} `);
}
