import { setTimeout as sleep } from 'node:timers/promises';
import { cpuMicros } from '../cpu-micros.js';
import type { Effort, Measurement } from '../harness/bench-case.js';
import type { UpstreamProcess } from '../streams/upstream-process.js';
import { failed, firstCalls, type Seen } from './first-calls.js';
import { MeasuredGateway } from './measured-gateway.js';
import { residentMemory } from './process-memory.js';
import { SigningIssuer } from './signing-issuer.js';

/** What became of a gateway that a crowd called, all people different. Memory in MiB. */
export interface GrownCrowd {
  readonly measurements: readonly Measurement[];
  readonly memory: number;
  /** Calls per second of newcomers beyond what the caches hold, of those before. */
  readonly beyond: number;
}

const connections = 32;
const settleMs = 2_000;
/** Before anything is measured: code becomes warm. */
const fewPeople = 100;
/** Their borrowed tokens are kept for a minute: these came within it. */
const mostLately = 10_000;

/** One gateway that more and more people call: at each of `sizes` what it holds, and what calls cost then; at last more than its caches hold. */
export async function growingCrowd(
  sizes: readonly number[],
  upstream: UpstreamProcess,
  { seconds }: Effort,
): Promise<GrownCrowd> {
  const issuer = await SigningIssuer.start('ES256');
  const gateway = await MeasuredGateway.start([issuer.config], [upstream.as('items', 'http')]);
  try {
    const crowd = new Crowd(gateway, issuer);
    await crowd.warm();
    const measurements: Measurement[] = [];
    for (const size of sizes) measurements.push(...(await crowd.growTo(size, seconds)));
    const { held: memory, rate } = crowd;
    const further = await crowd.further(3 * seconds);
    return { memory, beyond: crowd.rate / rate, measurements: [...measurements, further] };
  } finally {
    await gateway.stop();
    await issuer.stop();
  }
}

class Crowd {
  #people = 0;
  #lately: string[] = [];
  #before = Number.NaN;
  /** At the last size, in MiB. */
  held = Number.NaN;
  /** Of the newcomers of the last size, per second. */
  rate = Number.NaN;

  constructor(
    private readonly gateway: MeasuredGateway,
    private readonly issuer: SigningIssuer,
  ) {}

  async warm(): Promise<void> {
    await this.#newcomers(fewPeople);
    await sleep(settleMs);
    this.#before = residentMemory(this.gateway.pid).now;
  }

  async growTo(people: number, seconds: number): Promise<readonly Measurement[]> {
    const came = await this.#newcomers(people - this.#people);
    await sleep(settleMs);
    const { now, most } = residentMemory(this.gateway.pid);
    this.held = now;
    const newcomers = this.#line('first calls', came, {
      RSS: [now, 'MiB'],
      'RSS at most': [most, 'MiB'],
      'memory per person': [((now - this.#before) * 2 ** 20) / (people - fewPeople), 'B'],
    });
    const known = this.#lately;
    const again = await this.#ask(known.length * 20, seconds, (nth) => known[nth % known.length]);
    return [newcomers, this.#line('calls of people who called just now', again)];
  }

  /** Newcomers for so long. */
  async further(seconds: number): Promise<Measurement> {
    const came = await this.#newcomers(this.#people, seconds);
    await sleep(settleMs);
    const { now, most } = residentMemory(this.gateway.pid);
    return this.#line('first calls beyond what is kept', came, {
      RSS: [now, 'MiB'],
      'RSS at most': [most, 'MiB'],
    });
  }

  async #newcomers(calls: number, seconds = Infinity): Promise<Timed> {
    const { origin } = this.gateway;
    this.#lately = [];
    const came = await this.#ask(calls, seconds, (nth) => {
      const token = this.issuer.token(`person-${this.#people + nth}`, `${origin}/http/items`);
      if (nth >= calls - mostLately) this.#lately.push(token);
      return token;
    });
    this.#people += came.seen.calls;
    this.rate = came.seen.perSecond;
    return came;
  }

  async #ask(
    calls: number,
    seconds: number,
    token: (nth: number) => string | undefined,
  ): Promise<Timed> {
    const { origin, pid } = this.gateway;
    const before = cpuMicros(pid) ?? Number.NaN;
    const seen = await firstCalls({
      ...{ origin, path: '/http/items/items', connections, calls, seconds },
      token: (nth) => token(nth) ?? '',
    });
    return { seen, micros: ((cpuMicros(pid) ?? Number.NaN) - before) / seen.calls };
  }

  #line(
    subject: string,
    { seen, micros }: Timed,
    more: Readonly<Record<string, readonly [value: number, unit: string]>> = {},
  ): Measurement {
    const figures = Object.entries({
      'CPU per call': [micros, 'µs'] as const,
      throughput: [seen.perSecond, 'req/s'] as const,
      p50: [seen.p50, 'ms'] as const,
      p99: [seen.p99, 'ms'] as const,
      ...more,
    }).flatMap(([name, [value, unit]]) =>
      Number.isFinite(value) ? [[name, { unit, rounds: [value] }] as const] : [],
    );
    const load = { people: this.#people, connections };
    return { subject, load, figures: Object.fromEntries(figures), failures: failed(seen) };
  }
}

interface Timed {
  readonly seen: Seen;
  /** Of the gateway's processor time, per call. */
  readonly micros: number;
}
