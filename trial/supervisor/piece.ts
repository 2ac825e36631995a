import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export type PieceState = 'stopped' | 'starting' | 'ready' | 'crashed';

export interface PieceSpec {
  readonly name: string;
  /** What Node runs: the script, then its arguments. */
  readonly script: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Answers 200 when the piece can be used. */
  readonly readyUrl: string;
}

export interface PieceListener {
  say(sentence: string): void;
  /** A process was started, at first or after a crash. */
  spawned(name: string, pid: number | undefined): void;
}

const readyTimeoutMs = 45_000;
const stopTimeoutMs = 12_000;
const stableMs = 10_000;
const maxQuickCrashes = 5;

/** One process of the trial: started detached, so that Ctrl-C reaches only the supervisor; started again when it crashes. */
export class Piece {
  state: PieceState = 'stopped';
  restarts = 0;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #wanted = false;
  #wasReady = false;
  #quickCrashes = 0;
  #env: Readonly<Record<string, string>>;

  constructor(
    readonly spec: PieceSpec,
    private readonly listener: PieceListener,
  ) {
    this.#env = spec.env;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it and waits until it is ready. `env` adds to its environment from now on. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#wanted = true;
    this.#quickCrashes = 0;
    this.#env = { ...this.#env, ...env };
    if (this.#child === undefined) this.#spawn();
    await this.#untilReady();
  }

  /** SIGTERM, and SIGKILL for one that does not go. */
  async stop(timeoutMs = stopTimeoutMs): Promise<void> {
    this.#wanted = false;
    const child = this.#child;
    if (child === undefined) return;
    child.kill('SIGTERM');
    const gone = await Promise.race([
      this.#exited.then(() => true),
      sleep(timeoutMs, false, { ref: false }),
    ]);
    if (!gone) {
      this.listener.say(
        `${this.spec.name} did not stop within ${timeoutMs / 1000} s and was killed.`,
      );
      child.kill('SIGKILL');
      await this.#exited;
    }
  }

  /** kill -9; it is started again as after any crash. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  #spawn(): void {
    const log = openSync(this.spec.logFile, 'a', 0o600);
    const startedAt = performance.now();
    const child = spawn(process.execPath, ['--enable-source-maps', ...this.spec.script], {
      detached: true,
      stdio: ['ignore', log, log],
      env: this.#env,
    });
    closeSync(log);
    this.state = 'starting';
    this.#child = child;
    this.listener.spawned(this.spec.name, child.pid);
    this.#exited = new Promise((resolve) => {
      const over = () => {
        this.#child = undefined;
        resolve();
        this.#afterExit(performance.now() - startedAt);
      };
      child.once('exit', over).once('error', over);
    });
  }

  #afterExit(livedMs: number): void {
    this.state = this.#wanted ? 'crashed' : 'stopped';
    // One that never worked would not work at the next attempt: starting it has failed.
    if (!this.#wasReady) this.#wanted = false;
    if (!this.#wanted) return;
    this.#quickCrashes = livedMs < stableMs ? this.#quickCrashes + 1 : 0;
    const { name, logFile } = this.spec;
    if (this.#quickCrashes > maxQuickCrashes) {
      this.#wanted = false;
      this.listener.say(`${name} keeps crashing and is left stopped; read ${logFile}.`);
      return;
    }
    this.restarts += 1;
    this.listener.say(`${name} ended unexpectedly and is started again; its log is ${logFile}.`);
    setTimeout(() => this.#startAgain(), 200 * this.#quickCrashes);
  }

  #startAgain(): void {
    if (!this.#wanted || this.#child !== undefined) return;
    this.#spawn();
    this.#untilReady().catch((error: unknown) => this.listener.say(String(error)));
  }

  async #untilReady(): Promise<void> {
    const end = performance.now() + readyTimeoutMs;
    while (performance.now() < end) {
      if (this.state === 'ready') return;
      if (!this.#wanted) break;
      const child = this.#child;
      const answers = child !== undefined && (await answers200(this.spec.readyUrl));
      // What answered may have been stopped, and another started, meanwhile.
      if (answers && child === this.#child) {
        this.state = 'ready';
        this.#wasReady = true;
        return;
      }
      await sleep(100);
    }
    throw new Error(`${this.spec.name} did not become ready. ${await this.#lastWords()}`);
  }

  async #lastWords(): Promise<string> {
    const log = await readFile(this.spec.logFile, 'utf8').catch(() => '');
    const lines = log.trim().split('\n').slice(-8);
    return `The end of ${this.spec.logFile}:\n${lines.map((line) => `  ${line}`).join('\n')}`;
  }
}

async function answers200(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000), redirect: 'manual' });
    await answer.body?.cancel();
    return answer.status === 200;
  } catch {
    return false;
  }
}
