import { setTimeout as sleep } from 'node:timers/promises';
import { cpuMicros } from '../cpu-micros.js';
import type { Effort, Figure, Measurement } from '../harness/bench-case.js';
import type { UpstreamProcess } from '../streams/upstream-process.js';
import { failed, firstCalls, type Seen } from './first-calls.js';
import { MeasuredGateway } from './measured-gateway.js';
import { type Algorithm, SigningIssuer } from './signing-issuer.js';

const connections = 16;
const mostRounds = 3;
// Signing them beforehand takes longer than the calls.
const mostPerRound = { RS256: 1_000, ES256: 4_000 };
// An unknown key id makes the gateway read an issuer's keys, if it has not done so for this long.
const keysCoolDownMs = 30_000;

const path = '/http/items/items';

/** A gateway with an issuer of its own, which newcomers call; and later that issuer takes another key. */
export class ColdGateway {
  readonly #startedMs = performance.now();

  private constructor(
    private readonly issuer: SigningIssuer,
    private readonly gateway: MeasuredGateway,
  ) {}

  static async start(algorithm: Algorithm, upstream: UpstreamProcess): Promise<ColdGateway> {
    const issuer = await SigningIssuer.start(algorithm);
    const upstreams = [upstream.as('items', 'http')];
    return new ColdGateway(issuer, await MeasuredGateway.start([issuer.config], upstreams));
  }

  /** First calls of people, and their second ones beside. */
  async firstCalls({ rounds, seconds }: Effort): Promise<readonly Measurement[]> {
    const { issuer, gateway } = this;
    const { algorithm } = issuer;
    const first: Timed[] = [];
    const second: Timed[] = [];
    for (let round = 0; round < Math.min(mostRounds, rounds); round += 1) {
      const tokens = Array.from({ length: mostPerRound[algorithm] }, (_, i) =>
        issuer.token(`person-${round}-${i}`, gateway.origin),
      );
      first.push(await timed(gateway, tokens, seconds));
      // Those that were asked for, and no others.
      second.push(await timed(gateway, tokens.slice(0, first.at(-1)?.seen.calls), seconds));
    }
    return [line(`first call, ${algorithm}`, first), line(`second call, ${algorithm}`, second)];
  }

  /** The issuer takes another key under load, as soon as the gateway would read its keys again. */
  async rotation(seconds: number): Promise<readonly Measurement[]> {
    await sleep(Math.max(0, keysCoolDownMs + 1_000 - (performance.now() - this.#startedMs)));
    return rotation(this.issuer, this.gateway, Math.max(1, seconds));
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.issuer.stop();
  }
}

interface Timed {
  readonly seen: Seen;
  readonly cpuMicros: number;
}

async function timed(
  { origin, pid }: MeasuredGateway,
  tokens: readonly string[],
  seconds: number,
): Promise<Timed> {
  const before = cpuMicros(pid) ?? Number.NaN;
  const seen = await firstCalls({
    ...{ origin, path, connections, seconds, calls: tokens.length },
    token: (nth) => tokens[nth] ?? '',
  });
  return { seen, cpuMicros: ((cpuMicros(pid) ?? Number.NaN) - before) / seen.calls };
}

/** Two hundred people call; midway each comes with a token of the new key, all at once. */
async function rotation(
  issuer: SigningIssuer,
  { origin }: MeasuredGateway,
  seconds: number,
): Promise<readonly Measurement[]> {
  const tokensOf = () => Array.from({ length: 200 }, (_, i) => issuer.token(`steady-${i}`, origin));
  let tokens = tokensOf();
  const ask = () =>
    firstCalls({
      ...{ origin, path, connections, seconds, calls: Infinity },
      token: (nth) => tokens[nth % tokens.length] ?? '',
    });
  await ask();
  const steady = await ask();
  const readsBefore = issuer.reads;
  const rotating = ask();
  await sleep((seconds * 1000) / 2);
  await issuer.rotate();
  tokens = tokensOf();
  const rotated = await rotating;
  const reads = { unit: '', rounds: [issuer.reads - readsBefore] };
  return [
    line('200 people, keys as they were', [{ seen: steady, cpuMicros: Number.NaN }]),
    line(
      '200 people, the issuer signs with a new key',
      [{ seen: rotated, cpuMicros: Number.NaN }],
      { 'reads of keys': reads },
    ),
  ];
}

function line(
  subject: string,
  rounds: readonly Timed[],
  more: Readonly<Record<string, Figure>> = {},
): Measurement {
  const figure = (unit: string, read: (one: Timed) => number): Figure => ({
    unit,
    rounds: rounds.map(read),
  });
  return {
    subject,
    load: { connections },
    figures: {
      throughput: figure('req/s', ({ seen }) => seen.perSecond),
      p50: figure('ms', ({ seen }) => seen.p50),
      p99: figure('ms', ({ seen }) => seen.p99),
      slowest: figure('ms', ({ seen }) => seen.slowest),
      ...(rounds.some((one) => Number.isFinite(one.cpuMicros))
        ? { 'CPU per call': figure('µs', (one) => one.cpuMicros) }
        : {}),
      ...more,
    },
    failures: rounds.reduce((sum, { seen }) => sum + failed(seen), 0),
  };
}
