import type { GatewayLogger } from '../log-events.js';
import { Backoff } from '../upstreams/backoff.js';
import type { Ending, WorkerProcess } from './forked-worker.js';
import type { Doors } from './messages.js';

export interface SupervisorParts<Process extends WorkerProcess> {
  readonly workers: number;
  readonly fork: (worker: number, othersServe: boolean) => Process;
  readonly logger: GatewayLogger;
  /** Between an end and the next start, of each worker its own. */
  readonly backoff?: () => Pick<Backoff, 'pause' | 'reset'>;
  /** One that served is over, however it came. */
  readonly gone?: (worker: Process) => void;
}

/** Nobody serves and starting again does not help. */
export class NoWorkerServes extends Error {
  override readonly name = 'NoWorkerServes';

  constructor(
    readonly worker: number,
    readonly ending: Ending,
  ) {
    super(`Worker ${worker} ${wordsFor(ending)} before it served, and no other serves.`);
  }

  /** Of the worker: what is wrong it has printed itself. */
  get exitCode(): number {
    return this.ending.code || 1;
  }
}

const mostFailedStarts = 5;
/** Who served for so long did not die of its start. */
const soundMs = 10_000;

/** Keeps so many workers serving: a new one for each that dies, ever later where they die at once. */
export class Supervisor<Process extends WorkerProcess> {
  readonly #current = new Map<number, Process>();
  readonly #doors = new Map<number, number>();
  readonly #stopped = new AbortController();
  readonly #badEndings: string[] = [];
  #kept: readonly Promise<void>[] = [];
  #failedStarts = 0;
  #hasServed = false;
  #restarts = 0;
  #settle!: { readonly serves: () => void; readonly fails: (error: NoWorkerServes) => void };
  readonly #first = new Promise<void>((serves, fails) => (this.#settle = { serves, fails }));

  /** Rejects when it gives up after it had begun. */
  readonly failed: Promise<never>;
  #giveUp!: (error: NoWorkerServes) => void;

  constructor(private readonly parts: SupervisorParts<Process>) {
    this.failed = new Promise((_, reject) => (this.#giveUp = reject));
    this.failed.catch(() => undefined);
  }

  get current(): readonly Process[] {
    return [...this.#current.values()];
  }

  get serving(): number {
    return this.#doors.size;
  }

  /** Workers that were started in place of others. */
  get restarts(): number {
    return this.#restarts;
  }

  /**
   * Starts one, and the others once it serves: what is wrong with all of them is said once. Throws `NoWorkerServes`
   * where the first one ends instead.
   */
  async start(): Promise<void> {
    const first = this.#keep(1);
    this.#kept = [first];
    await this.#first;
    const others = Array.from({ length: this.parts.workers - 1 }, (_, i) => this.#keep(i + 2));
    this.#kept = [first, ...others];
  }

  /** Ends them all; rejects where one that served could not finish what was under way. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    for (const worker of this.#current.values()) worker.stop();
    await Promise.all(this.#kept);
    if (this.#badEndings.length > 0) throw new Error(this.#badEndings.join(' '));
  }

  async #keep(worker: number): Promise<void> {
    const stopped = this.#stopped.signal;
    const backoff = this.parts.backoff?.() ?? new Backoff();
    while (!stopped.aborted) {
      const startedMs = performance.now();
      const { served, ending } = await this.#run(worker);
      if (stopped.aborted) {
        if (served && ending.code !== 0)
          this.#badEndings.push(`Worker ${worker} ${wordsFor(ending)}.`);
        return;
      }
      if (!served && this.#isHopeless()) return this.#fail(new NoWorkerServes(worker, ending));
      if (served && performance.now() - startedMs > soundMs) backoff.reset();
      await backoff.pause(stopped);
      if (!stopped.aborted) this.#restarts += 1;
    }
  }

  async #run(worker: number): Promise<{ readonly served: boolean; readonly ending: Ending }> {
    const { fork, logger, gone } = this.parts;
    const forked = fork(worker, this.serving > 0);
    const { pid } = forked;
    this.#current.set(worker, forked);
    const door = await forked.ready;
    const served = door !== undefined;
    if (served) {
      logger.info({ event: 'worker.started', worker, pid });
      this.#serves(worker, door);
    }
    const ending = await forked.ended;
    this.#current.delete(worker);
    this.#doors.delete(worker);
    this.#tellDoors();
    if (served) gone?.(forked);
    const level = this.#stopped.signal.aborted ? 'info' : 'error';
    logger[level]({ event: 'worker.ended', worker, pid, ...ending, served });
    return { served, ending };
  }

  #serves(worker: number, door: number): void {
    this.#failedStarts = 0;
    this.#hasServed = true;
    this.#doors.set(worker, door);
    this.#tellDoors();
    this.#settle.serves();
  }

  #tellDoors(): void {
    const doors: Doors = Object.fromEntries(this.#doors);
    for (const forked of this.#current.values()) forked.tell(doors);
  }

  #isHopeless(): boolean {
    this.#failedStarts += 1;
    if (this.serving > 0) return false;
    return !this.#hasServed || this.#failedStarts >= mostFailedStarts;
  }

  #fail(error: NoWorkerServes): void {
    this.#stopped.abort();
    this.#settle.fails(error);
    this.#giveUp(error);
  }
}

function wordsFor({ code, signal }: Ending): string {
  return signal === null ? `ended with ${code}` : `was ended by ${signal}`;
}
