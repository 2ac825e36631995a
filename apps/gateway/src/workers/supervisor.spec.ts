import { describe, expect, it } from 'vitest';
import { createLogger } from '#lib/observability/logger';
import type { GatewayEvent } from '../log-events.js';
import type { Ending, WorkerProcess } from './forked-worker.js';
import type { Doors } from './messages.js';
import { NoWorkerServes, Supervisor } from './supervisor.js';

const crash: Ending = { code: 7, signal: null };

/** A worker that does what the test says. */
class ScriptedWorker implements WorkerProcess {
  readonly pid = 1;
  doors: Doors = {};
  #serves: (door: number | undefined) => void = () => undefined;
  #ends: (ending: Ending) => void = () => undefined;
  readonly ready = new Promise<number | undefined>((resolve) => (this.#serves = resolve));
  readonly ended = new Promise<Ending>((resolve) => (this.#ends = resolve));

  constructor(
    readonly worker: number,
    readonly othersServe: boolean,
  ) {}

  serve(): void {
    this.#serves(1000 + this.worker);
  }

  end(ending: Ending = crash): void {
    this.#serves(undefined);
    this.#ends(ending);
  }

  stop(): void {
    this.end({ code: 0, signal: null });
  }

  tell(doors: Doors): void {
    this.doors = doors;
  }
}

function supervised(workers: number, born: (worker: ScriptedWorker, nth: number) => void) {
  const forked: ScriptedWorker[] = [];
  const lines: string[] = [];
  const supervisor = new Supervisor({
    workers,
    backoff: () => ({ pause: () => new Promise(setImmediate), reset: () => undefined }),
    fork: (worker, othersServe) => {
      const one = new ScriptedWorker(worker, othersServe);
      forked.push(one);
      born(one, forked.length);
      return one;
    },
    logger: createLogger<GatewayEvent>({
      app: 'gateway',
      level: 'info',
      destination: { write: (line) => lines.push(line) },
    }),
  });
  return { supervisor, forked, lines };
}

describe('the supervisor', () => {
  it('starts one, and the others once it serves; each hears where the others are', async () => {
    const { supervisor, forked } = supervised(3, () => undefined);
    const started = supervisor.start();
    await new Promise(setImmediate);
    expect(forked.map(({ worker }) => worker)).toEqual([1]);
    forked[0]?.serve();
    await started;
    expect(forked.map(({ othersServe }) => othersServe)).toEqual([false, true, true]);
    forked[1]?.serve();
    await expect.poll(() => forked[0]?.doors).toEqual({ 1: 1001, 2: 1002 });
    await supervisor.stop();
  });

  it('gives up at once where the first never serves, with its exit code and one line', async () => {
    const { supervisor, forked, lines } = supervised(4, (worker) => worker.end());
    const refusal: unknown = await supervisor.start().catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(NoWorkerServes);
    expect(refusal).toMatchObject({ exitCode: 7 });
    expect(forked).toHaveLength(1);
    expect(lines).toHaveLength(1);
  });

  it('goes on starting one that dies at its start while another serves', async () => {
    const { supervisor, forked } = supervised(2, (worker, nth) =>
      nth === 1 || nth > 7 ? worker.serve() : worker.end(),
    );
    await supervisor.start();
    await expect.poll(() => supervisor.serving).toBe(2);
    expect(forked.slice(1).every(({ worker }) => worker === 2)).toBe(true);
    expect(supervisor.restarts).toBe(6);
    await supervisor.stop();
  });

  it('gives up when nobody serves any more and five starts in a row have failed', async () => {
    const { supervisor, forked } = supervised(1, (worker, nth) =>
      nth === 1 ? worker.serve() : worker.end(),
    );
    await supervisor.start();
    forked[0]?.end({ code: null, signal: 'SIGKILL' });
    await expect(supervisor.failed).rejects.toMatchObject({ exitCode: 7 });
    expect(forked).toHaveLength(6);
  });

  it('is not content with a worker that could not finish', async () => {
    const { supervisor, forked } = supervised(1, (worker) => worker.serve());
    await supervisor.start();
    const [first] = forked;
    if (first !== undefined) first.stop = () => first.end({ code: 1, signal: null });
    await expect(supervisor.stop()).rejects.toThrow('Worker 1 ended with 1.');
  });
});
