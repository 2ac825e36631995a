import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AnswerFraming } from '../harness/answer-framing.js';
import { type Asked, bytesOf } from '../harness/asked.js';

/** Calls that come when they come, whether or not those before are answered. */
export interface OpenLoad {
  readonly perSecond: number;
  readonly seconds: number;
  /** Before that, and not counted. */
  readonly warmUpSeconds: number;
  /** Open from the beginning; a call that finds none free waits, and its time counts from when it was due. */
  readonly connections: number;
}

export interface OpenFigures {
  readonly offeredPerSecond: number;
  /** Answered 2xx, of those that were sent in the time that counts, whenever they were due: the others would be known by their wait alone. */
  readonly admittedPerSecond: number;
  /** Of those, milliseconds to the end of the answer. */
  readonly fromSent: Percentiles;
  /** The same with the time that a call waited here for a connection: the generator's queue, not the server's. */
  readonly fromDue: Percentiles;
  /** Answered 503, of all that were answered. */
  readonly shedShare: number;
  /** How many fewer were answered than were due, of those. */
  readonly unansweredShare: number;
  /** Any other answer, or a connection that broke. */
  readonly failures: number;
  /** How many of which status; 0: the connection broke. */
  readonly statuses: Readonly<Record<number, number>>;
}

/** Milliseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

const lingerMs = 2_000;
const tickMs = 1;
const atATime = 100;

/** Everything in this process: its own event loop should have nothing else to do. */
export async function openLoad(asked: readonly Asked[], load: OpenLoad): Promise<OpenFigures> {
  const run = new OpenRun(asked, load);
  await run.open();
  const timer = setInterval(() => run.tick(performance.now()), tickMs);
  await sleep((load.warmUpSeconds + load.seconds) * 1000);
  clearInterval(timer);
  const endsMs = performance.now() + lingerMs;
  while (run.waiting > 0 && performance.now() < endsMs) await sleep(5);
  run.close();
  return run.figures();
}

class OpenRun {
  readonly #requests: readonly Buffer[];
  readonly #place: { readonly host: string; readonly port: number };
  readonly #connections: OpenConnection[] = [];
  readonly #idle: OpenConnection[] = [];
  /** Of calls that wait for a connection, when they were due; taken from `#head` on. */
  #queue: number[] = [];
  #head = 0;
  #issued = 0;
  #inFlight = 0;
  #next = 0;
  #startMs = 0;
  #countsFromMs = 0;
  #countsToMs = 0;
  readonly #fromDue: number[] = [];
  readonly #fromSent: number[] = [];
  #due = 0;
  readonly #statuses: Record<number, number> = {};

  constructor(
    asked: readonly Asked[],
    private readonly load: OpenLoad,
  ) {
    const { hostname, port } = new URL(asked[0]?.url ?? '');
    this.#requests = asked.map(bytesOf);
    this.#place = { host: hostname, port: Number(port) };
  }

  get waiting(): number {
    return this.#inFlight + this.#queue.length - this.#head;
  }

  /** A few at a time: what is waiting to be accepted would be refused. */
  async open(): Promise<void> {
    while (this.#idle.length < this.load.connections)
      await Promise.all(Array.from({ length: atATime }, () => this.#another()));
    this.#startMs = performance.now();
    this.#countsFromMs = this.#startMs + this.load.warmUpSeconds * 1000;
    this.#countsToMs = this.#countsFromMs + this.load.seconds * 1000;
  }

  tick(nowMs: number): void {
    const due = Math.floor(((nowMs - this.#startMs) * this.load.perSecond) / 1000);
    for (; this.#issued < due; this.#issued += 1) {
      const dueMs = this.#startMs + (this.#issued * 1000) / this.load.perSecond;
      if (dueMs >= this.#countsFromMs) this.#due += 1;
      const free = this.#idle.pop();
      if (free === undefined) this.#queue.push(dueMs);
      else this.#ask(free, dueMs);
    }
  }

  /** A connection is free: for the call that waits longest, if one does. */
  free(connection: OpenConnection): void {
    const dueMs = this.#queue[this.#head];
    if (dueMs === undefined) return void this.#idle.push(connection);
    this.#head += 1;
    if (this.#head > 10_000) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    this.#ask(connection, dueMs);
  }

  answered({ dueMs, sentMs }: Sent, status: number): void {
    this.#inFlight -= 1;
    if (sentMs < this.#countsFromMs || sentMs > this.#countsToMs) return;
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    if (status < 200 || status >= 300) return;
    const nowMs = performance.now();
    this.#fromDue.push(nowMs - dueMs);
    this.#fromSent.push(nowMs - sentMs);
  }

  close(): void {
    for (const each of this.#connections) each.close();
  }

  figures(): OpenFigures {
    const { seconds } = this.load;
    const admitted = this.#fromDue.length;
    const statuses = this.#statuses;
    const answered = Object.values(statuses).reduce((sum, count) => sum + count, 0);
    const shed = statuses[503] ?? 0;
    return {
      offeredPerSecond: this.#due / seconds,
      admittedPerSecond: admitted / seconds,
      fromSent: percentilesOf(this.#fromSent),
      fromDue: percentilesOf(this.#fromDue),
      statuses,
      failures: answered - admitted - shed,
      shedShare: answered === 0 ? 0 : shed / answered,
      unansweredShare: Math.max(0, this.#due - answered) / this.#due,
    };
  }

  async #another(): Promise<void> {
    const connection = new OpenConnection(this);
    await connection.open(this.#place);
    this.#connections.push(connection);
    this.#idle.push(connection);
  }

  #ask(connection: OpenConnection, dueMs: number): void {
    this.#inFlight += 1;
    const next = this.#requests[this.#next++ % this.#requests.length];
    connection.ask(next as Buffer, dueMs);
  }
}

function percentilesOf(times: readonly number[]): Percentiles {
  const sorted = Float64Array.from(times).sort();
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

/** When a call should have been sent, and when it was, by performance.now(). */
interface Sent {
  readonly dueMs: number;
  readonly sentMs: number;
}

class OpenConnection {
  readonly #framing = new AnswerFraming();
  #socket: Socket | undefined;
  #sent: Sent | undefined;

  constructor(private readonly run: OpenRun) {}

  async open(place: { readonly host: string; readonly port: number }): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket = connect({ ...place, noDelay: true }, resolve)
        .once('error', reject)
        .on('data', (bytes: Buffer) => this.#read(bytes))
        .on('close', () => this.#ended(0));
    });
  }

  ask(request: Buffer, dueMs: number): void {
    this.#sent = { dueMs, sentMs: performance.now() };
    this.#socket?.write(request);
  }

  close(): void {
    this.#sent = undefined;
    this.#socket?.destroy();
  }

  #read(bytes: Buffer): void {
    if (!this.#framing.take(bytes)) return;
    this.#ended(this.#framing.status);
    if (!this.#framing.closes) this.run.free(this);
  }

  #ended(status: number): void {
    if (this.#sent === undefined) return;
    this.run.answered(this.#sent, status);
    this.#sent = undefined;
  }
}
