import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Ends a case at once and removes its folder, with whatever it started: its process group, and databases, which lead groups of their own. */
export function endCase(leader: number | undefined, folder: string): void {
  for (const pid of postmasters(folder)) signal(pid, 'SIGQUIT');
  // The leader ends itself last.
  if (leader !== undefined && leader !== process.pid) signal(-leader, 'SIGKILL');
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  } catch {
    // Somebody still writes there.
  }
  if (leader === process.pid) signal(-leader, 'SIGKILL');
}

/** Of the databases below the folder of a case. */
function postmasters(folder: string): number[] {
  return below(folder).flatMap((name) => {
    try {
      const lines = readFileSync(
        join(folder, name, 'postgres', 'cluster', 'postmaster.pid'),
        'utf8',
      );
      return [Number.parseInt(lines, 10)];
    } catch {
      return [];
    }
  });
}

function below(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Nobody is left.
  }
}
