import cluster, { type Worker } from 'node:cluster';
import { closeUnaccepted } from './close-unaccepted.js';
import type { Doors, FromWorker, Measured, ToWorker } from './messages.js';
import { passWholeLines } from './whole-lines.js';

/** How a worker ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
}

/** One process that serves, as its supervisor sees it. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** The loopback port of its door once it serves; undefined where it ended before. Never rejects. */
  readonly ready: Promise<number | undefined>;
  /** Never rejects; what it had printed is passed on by then. */
  readonly ended: Promise<Ending>;
  /** It finishes what is under way and ends. */
  stop(): void;
  tell(doors: Doors): void;
}

type Start = Omit<Extract<ToWorker, { kind: 'start' }>, 'kind'>;

const measureMs = 2_000;

/** A worker of node:cluster: the primary listens and gives each connection to one of them in turn. */
export class ForkedWorker implements WorkerProcess {
  readonly ready: Promise<number | undefined>;
  readonly ended: Promise<Ending>;
  readonly #process: Worker;
  readonly #measuring = new Map<number, (metrics: Measured | undefined) => void>();
  #serves = false;
  #asked = 0;
  #measured: Measured = [];

  constructor(start: Start, output: { write(lines: string): unknown }) {
    const forked = cluster.fork();
    this.#process = forked;
    closeUnaccepted(forked.process);
    const { stdout } = forked.process;
    const printed = stdout === null ? undefined : passWholeLines(stdout, output);
    this.ended = new Promise((resolve) => {
      forked.once('exit', (code: number | null, signal: string | null) => {
        for (const finish of this.#measuring.values()) finish(undefined);
        void Promise.resolve(printed).then(() => resolve({ code, signal }));
      });
      // Without it a failed send would be thrown: the end is told by `exit`.
      forked.on('error', () => undefined);
    });
    this.ready = new Promise((resolve) => {
      forked.on('message', (message: FromWorker) => {
        if (message.kind === 'here') this.#send({ kind: 'start', ...start });
        else if (message.kind === 'ready') {
          this.#serves = true;
          resolve(message.door);
        } else this.#measuring.get(message.id)?.(message.metrics);
      });
      void this.ended.then(() => resolve(undefined));
    });
  }

  get pid(): number | undefined {
    return this.#process.process.pid;
  }

  /** The last that it said of itself; empty before the first `measure`. */
  get measured(): Measured {
    return this.#measured;
  }

  stop(): void {
    this.#process.process.kill('SIGTERM');
  }

  tell(doors: Doors): void {
    this.#send({ kind: 'doors', doors });
  }

  /** Its metrics now; false where it does not answer in time, and `measured` is what it said before. */
  async measure(): Promise<boolean> {
    // It has counted nothing yet.
    if (!this.#serves) return true;
    this.#asked += 1;
    const id = this.#asked;
    const answer = await new Promise<Measured | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), measureMs);
      this.#measuring.set(id, (metrics) => {
        clearTimeout(timer);
        resolve(metrics);
      });
      this.#send({ kind: 'measure', id });
    });
    this.#measuring.delete(id);
    this.#measured = answer ?? this.#measured;
    return answer !== undefined;
  }

  #send(message: ToWorker): void {
    if (this.#process.isConnected()) this.#process.send(message);
  }
}
