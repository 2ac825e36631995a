import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CaseResult, Effort } from './bench-case.js';
import { endCase } from './end-case.js';

/** What the process of a case tells. */
export type CaseMessage =
  | { readonly progress: string }
  | { readonly result: CaseResult }
  | { readonly failed: string };

const running = new Set<CaseProcess>();
process.once('exit', () => {
  for (const each of running) each.kill();
});

/**
 * A case in a process of its own that leads a process group: the one measurement leaves no garbage for the next,
 * and whatever it started can be ended with it, however this process ends. Its temporary files stand in one folder.
 */
export class CaseProcess {
  readonly #folder = mkdtempSync(join(tmpdir(), 'symbolon-bench-'));
  readonly #child: ChildProcess;

  constructor(name: string, effort: Effort) {
    this.#child = fork(
      fileURLToPath(new URL('../run-case.js', import.meta.url)),
      [name, JSON.stringify(effort), this.#folder],
      { detached: true, env: { ...process.env, TMPDIR: this.#folder } },
    );
    running.add(this);
  }

  /** Rejects when the case fails or takes longer than `limitSeconds`; nothing that it started is left then either. */
  async result(limitSeconds: number, progress: (line: string) => void): Promise<CaseResult> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), limitSeconds * 1000);
    let told: CaseMessage | undefined;
    this.#child.on('message', (message: CaseMessage) => {
      if ('progress' in message) progress(message.progress);
      else told = message;
    });
    const [code, signal] = (await once(this.#child, 'exit')) as [number | null, string | null];
    clearTimeout(timer);
    this.kill();
    if (told !== undefined && 'result' in told) return told.result;
    if (told !== undefined && 'failed' in told) throw new Error(told.failed);
    if (signal === 'SIGKILL') throw new Error(`was stopped after ${limitSeconds.toFixed(0)} s`);
    throw new Error(`ended with ${signal ?? code} and told nothing`);
  }

  /** The whole group, also what outlived its leader. */
  kill(): void {
    endCase(this.#child.pid, this.#folder);
    running.delete(this);
  }
}
