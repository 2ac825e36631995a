import { writeFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '#lib/embedded-postgres/postmaster-pid';

interface LockContent {
  /** The supervisor. */
  readonly pid: number;
  readonly portBase: number;
  /** Its children, by name: what must be ended if the supervisor was killed. */
  readonly children: Readonly<Record<string, number>>;
}

/** One trial per state folder. */
export class TrialLock {
  readonly #children: Record<string, number> = {};

  private constructor(
    private readonly file: string,
    private readonly portBase: number,
  ) {}

  /** Takes the lock; a lock whose owner is dead is taken over, and what that owner left running is ended. */
  static async take(
    stateDir: string,
    portBase: number,
    say: (sentence: string) => void,
  ): Promise<TrialLock> {
    await mkdir(stateDir, { recursive: true, mode: 0o711 });
    const lock = new TrialLock(join(stateDir, 'trial.lock'), portBase);
    if (await lock.#create()) return lock;
    const owner = await lock.#read();
    if (owner !== undefined && (await isTrial(owner.pid, 'trial/main.js'))) {
      throw new Error(
        `A trial with the data in ${stateDir} is already running (process ${owner.pid}, ports from ${owner.portBase}). Stop it with Ctrl-C, or start another with SYMBOLON_STATE_DIR and SYMBOLON_PORT_BASE.`,
      );
    }
    say(`The last trial in ${stateDir} was not shut down; its lock is taken over.`);
    await endOrphans(Object.values(owner?.children ?? {}));
    await rm(lock.file, { force: true });
    if (!(await lock.#create())) throw new Error('Another trial took the lock just now.');
    return lock;
  }

  /** Remembers a child for whoever takes the lock over. */
  remember(name: string, pid: number | undefined): void {
    if (pid === undefined) delete this.#children[name];
    else this.#children[name] = pid;
    // Synchronous: a crash of ours right after must find it, and two writes must not mix.
    writeFileSync(this.file, this.#content(), { mode: 0o600 });
  }

  release(): Promise<void> {
    return rm(this.file, { force: true });
  }

  #create(): Promise<boolean> {
    return writeFile(this.file, this.#content(), { mode: 0o600, flag: 'wx' }).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false;
        throw error;
      },
    );
  }

  #content(): string {
    const { portBase } = this;
    return JSON.stringify({ pid: process.pid, portBase, children: this.#children });
  }

  async #read(): Promise<LockContent | undefined> {
    try {
      return JSON.parse(await readFile(this.file, 'utf8')) as LockContent;
    } catch {
      return undefined;
    }
  }
}

async function endOrphans(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    if (!(await isTrial(pid, '/dist/'))) continue;
    process.kill(pid, 'SIGKILL');
    // Its ports are free when it is gone.
    for (let tries = 0; tries < 500 && !(await hasEnded(pid)); tries += 1) await sleep(20);
  }
}

/**
 * Gone, or waiting for its parent to notice. One that is ending has no command line any more, and still its ports:
 * also as a zombie, until the last of its threads is over (proc_pid_stat(5): state, and num_threads 17 places on).
 */
async function hasEnded(pid: number): Promise<boolean> {
  if (!isAlive(pid)) return true;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return /^[ZX]$/.test(state) && Number(fields[16]) <= 1;
}

/** Process ids are reused: only a Node process that runs this script counts. */
async function isTrial(pid: number, script: string): Promise<boolean> {
  if (!isAlive(pid) || pid === process.pid) return false;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return command === undefined ? true : command.includes(script);
}
