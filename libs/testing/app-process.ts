import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface AppProcessOptions {
  /** A compiled module, such as dist/apps/vault/src/main.js. */
  readonly main: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where it listens; `/readyz` there says when it is up. */
  readonly url: string;
  /** Its output is appended to this file. */
  readonly log: string;
  /** A module that is loaded before `main`. */
  readonly preload?: string;
}

// A busy machine takes its time; who hangs is told from that by what the log says.
const readyTimeoutMs = 90_000;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** One process of the product, which an experiment may kill, pause and start again. */
export class AppProcess {
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #hasBeenReady = false;

  constructor(readonly options: AppProcessOptions) {}

  /** Resolves when it is ready; milliseconds that it took. Settings given here count for this start only. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<number> {
    const startedMs = performance.now();
    this.#hasBeenReady = false;
    const { main, log, preload } = this.options;
    const output = openSync(log, 'a', 0o600);
    const flags = preload === undefined ? [] : ['--import', preload];
    const child = spawn(process.execPath, ['--enable-source-maps', ...flags, main], {
      stdio: ['ignore', output, output],
      env: { ...process.env, ...this.options.env, ...env },
    });
    closeSync(output);
    this.#child = child;
    running.add(child);
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => {
        running.delete(child);
        resolve();
      });
    });
    await this.#untilReady(child);
    this.#hasBeenReady = true;
    return performance.now() - startedMs;
  }

  /** What a load balancer knows: ready once since its last start, and nothing later. */
  get hasBeenReady(): boolean {
    return this.#hasBeenReady;
  }

  /** Of the process that runs now. */
  get pid(): number | undefined {
    return this.alive ? this.#child?.pid : undefined;
  }

  get alive(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** SIGTERM, as an orchestrator does; waits for the end. */
  async stop(): Promise<void> {
    this.resume();
    this.#signal('SIGTERM');
    await this.#exited;
  }

  /** kill -9; waits for the end. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#exited;
  }

  /** Resolves when the process has ended, by whatever cause. */
  get ended(): Promise<void> {
    return this.#exited;
  }

  /** SIGSTOP: it keeps its connections and does nothing. */
  pause(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  /** SIGUSR2, which the preloaded clock listens to. */
  jumpClock(): void {
    this.#signal('SIGUSR2');
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.alive) this.#child?.kill(signal);
  }

  async #untilReady(child: ChildProcess): Promise<void> {
    const end = performance.now() + readyTimeoutMs;
    while (child === this.#child && this.alive && performance.now() < end) {
      const answer = await fetch(`${this.options.url}/readyz`, {
        signal: AbortSignal.timeout(2_000),
      }).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.status === 200) return;
      await sleep(25);
    }
    const { url, log } = this.options;
    const why = this.alive ? `in ${readyTimeoutMs / 1_000} s` : 'before it ended';
    const lastLines = (await readFile(log, 'utf8')).split('\n').slice(-10).join('\n');
    throw new Error(`${url} did not become ready ${why}; the end of ${log}:\n${lastLines}`);
  }
}
