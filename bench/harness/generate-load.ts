import { setTimeout as sleep } from 'node:timers/promises';
import { type Asked, bytesOf } from './asked.js';
import { type Asking, LoadConnection } from './load-connection.js';
import type { Load, LoadFigures } from './load.js';

/** How long the last answers may take once the time is up. */
const lingerMs = 2_000;

/** The load of one run, in this process: its own event loop should have nothing else to do. */
export async function generateLoad(asked: readonly Asked[], load: Load): Promise<LoadFigures> {
  const { hostname, port } = new URL(asked[0]?.url ?? '');
  const run = new LoadRun(asked.map(bytesOf), { host: hostname, port: Number(port) }, load);
  const connections = Array.from({ length: load.connections }, () => new LoadConnection(run));
  await Promise.all(connections.map((each) => each.open())).catch((error: unknown) => {
    for (const each of connections) each.close();
    throw error;
  });
  run.begin();
  for (const each of connections) each.start();
  await sleep((load.warmUpSeconds ?? 0) * 1000);
  const before = process.cpuUsage();
  await sleep(load.seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  while (run.inFlight > 0 && performance.now() < run.untilMs + lingerMs) await sleep(5);
  const unanswered = connections.filter((each) => each.close()).length;
  return run.figures(unanswered, user + system);
}

class LoadRun implements Asking {
  readonly host: string;
  readonly port: number;
  #next = 0;
  #fromMs = 0;
  untilMs = 0;
  inFlight = 0;
  #failures = 0;
  #answers = 0;
  #times = new Float64Array(1 << 16);
  readonly #betweenMs: number;

  constructor(
    private readonly requests: readonly Buffer[],
    { host, port }: { readonly host: string; readonly port: number },
    private readonly load: Load,
  ) {
    this.host = host;
    this.port = port;
    this.#betweenMs = (1000 * load.connections) / (load.perSecond ?? Infinity);
  }

  begin(): void {
    this.#fromMs = performance.now() + (this.load.warmUpSeconds ?? 0) * 1000;
    this.untilMs = this.#fromMs + this.load.seconds * 1000;
  }

  next(): Buffer {
    this.inFlight += 1;
    const request = this.requests[this.#next] as Buffer;
    this.#next = (this.#next + 1) % this.requests.length;
    return request;
  }

  nextAt(connection: LoadConnection, now: number): number {
    if (now >= this.untilMs) return Infinity;
    if (this.#betweenMs === 0) return now;
    const { plannedMs } = connection;
    // Who is late does not make up for it; who begins does so at a moment of its own.
    const next =
      plannedMs === 0
        ? now + this.#betweenMs * Math.random()
        : Math.max(now, plannedMs + this.#betweenMs);
    connection.plannedMs = next;
    return next < this.untilMs ? next : Infinity;
  }

  answered(askedMs: number, now: number, ok: boolean): void {
    this.inFlight -= 1;
    if (now < this.#fromMs || now > this.untilMs) return;
    if (!ok) this.#failures += 1;
    if (this.#answers === this.#times.length) {
      const more = new Float64Array(2 * this.#times.length);
      more.set(this.#times);
      this.#times = more;
    }
    this.#times[this.#answers++] = now - askedMs;
  }

  figures(unanswered: number, cpuMicros: number): LoadFigures {
    const times = this.#times.subarray(0, this.#answers).sort();
    const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN;
    return {
      answers: this.#answers,
      perSecond: this.#answers / this.load.seconds,
      p50: at(0.5),
      p99: at(0.99),
      failures: this.#failures + unanswered,
      generatorMicros: cpuMicros / this.#answers,
    };
  }
}
