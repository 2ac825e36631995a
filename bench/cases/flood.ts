import { randomBytes } from 'node:crypto';
import { cpuMicros } from '../cpu-micros.js';
import { GatewayUnderLoad } from '../harness/gateway-under-load.js';
import { personalUpstream } from '../harness/personal-upstream.js';
import type { Asked } from '../harness/asked.js';
import type { BenchCase, CaseResult, Figure, Measurement } from '../harness/bench-case.js';
import { inRounds } from '../harness/in-rounds.js';
import type { Load, LoadFigures } from '../harness/load.js';
import { LoadProcess } from '../harness/load-process.js';
import { median } from '../median.js';

const people = 200;
/** More than the gateway remembers: none of them comes again while it does. */
const distinct = 6_000;
const connections = 32;
const valid = 'valid tokens, the call answered by the upstream';
const repeated = 'one bad signature, again and again';
const forged = 'bad signatures, all different';
/** Valid calls of a quiet day, so that their delay is the flood's doing. */
const paced: Pick<Load, 'connections' | 'perSecond'> = { connections: 16, perSecond: 500 };

export const flood: BenchCase = {
  name: 'flood',
  title: 'what calls with bad tokens cost the gateway, and those beside them',
  run: async (effort, progress) => {
    const startedMs = performance.now();
    const open = await GatewayUnderLoad.open();
    const [generator, beside] = [new LoadProcess(), new LoadProcess()];
    try {
      const bench = await FloodBench.start(open, { generator, beside });
      await inRounds(effort, startedMs, (i) => {
        progress(`round ${i + 1}`);
        return bench.round(effort.seconds);
      });
      return bench.result();
    } finally {
      generator.stop();
      beside.stop();
      await open.close();
    }
  },
};

interface Kind {
  readonly asked: readonly Asked[];
  readonly micros: number[];
  readonly perSecond: number[];
  /** Processors that the gateway took meanwhile. */
  readonly processors: number[];
  /** Answers that were not as they should be: of bad tokens, those that were not refused. */
  wrong: number;
}

interface Generators {
  readonly generator: LoadProcess;
  readonly beside: LoadProcess;
}

class FloodBench {
  readonly #quiet: LoadFigures[] = [];
  readonly #flooded: LoadFigures[] = [];

  private constructor(
    private readonly kinds: ReadonlyMap<string, Kind>,
    private readonly pid: number | undefined,
    private readonly generators: Generators,
  ) {}

  static async start(open: GatewayUnderLoad, generators: Generators): Promise<FloodBench> {
    const backend = await open.child('backend.js');
    const gateway = await open.gateway([personalUpstream('reports', 'http', backend.origin)]);
    const url = `${gateway.origin}/http/reports/items/1024`;
    const tokens = open.tokens(people, gateway.origin);
    const [token = ''] = tokens;
    const kind = (bearers: readonly (string | undefined)[]): Kind => ({
      asked: bearers.map((bearer) => ({ url, headers: headersOf(bearer) })),
      ...{ micros: [], perSecond: [], processors: [], wrong: 0 },
    });
    const many = <T>(make: () => T): T[] => Array.from({ length: distinct }, make);
    const kinds = new Map([
      [valid, kind(tokens)],
      ['no token', kind([undefined])],
      ['no JWT, all different', kind(many(() => randomBytes(200).toString('base64url')))],
      [repeated, kind([withSignature(token)])],
      ['unknown kids, all different', kind(many(() => withHeader(token)))],
      ['unknown issuers, all different', kind(many(() => withIssuer(token)))],
      [forged, kind(many(() => withSignature(token)))],
    ]);
    return new FloodBench(kinds, gateway.pid, generators);
  }

  async round(seconds: number): Promise<void> {
    const { generator, beside } = this.generators;
    for (const [name, kind] of this.kinds) await this.#measure(name, kind, seconds);
    const calls = this.#asked(valid);
    const load = { ...paced, seconds, warmUpSeconds: 0.5 };
    this.#quiet.push(await generator.run(calls, load));
    const [flooded] = await Promise.all([
      generator.run(calls, load),
      beside.run(this.#asked(forged), { connections: 2 * connections, seconds: seconds + 1 }),
    ]);
    this.#flooded.push(flooded);
  }

  async #measure(name: string, kind: Kind, seconds: number): Promise<void> {
    const { generator } = this.generators;
    await generator.run(kind.asked, { connections, seconds: 0.3 });
    const before = cpuMicros(this.pid) ?? Number.NaN;
    const startedMs = performance.now();
    const figures = await generator.run(kind.asked, { connections, seconds });
    const used = (cpuMicros(this.pid) ?? Number.NaN) - before;
    kind.micros.push(used / figures.answers);
    kind.processors.push(used / 1000 / (performance.now() - startedMs));
    kind.perSecond.push(figures.perSecond);
    kind.wrong += name === valid ? figures.failures : figures.answers - figures.failures;
  }

  #asked(name: string): readonly Asked[] {
    return this.kinds.get(name)?.asked ?? [];
  }

  result(): CaseResult {
    const costs = [...this.kinds].map(([subject, kind]) => ({
      subject,
      load: { connections },
      figures: {
        'CPU per call': { unit: 'µs', rounds: kind.micros },
        'of a valid one': { unit: '×', rounds: this.#ofValid(kind) },
        throughput: { unit: 'req/s', rounds: kind.perSecond },
        'processor time': { unit: 's/s', rounds: kind.processors },
      },
      failures: Math.max(0, kind.wrong),
    }));
    return {
      measurements: [
        ...costs,
        latencies('valid tokens, nobody beside them', this.#quiet),
        latencies('valid tokens beside a flood of bad signatures', this.#flooded),
      ],
      bars: [
        {
          promise: 'CPU of a bad token that comes again, of a valid one’s',
          measured: median(this.#ofValid(this.kinds.get(repeated))),
          limit: { atMost: 1 },
        },
        {
          // Answers to them are held back: each costs more than in a crowd, and there are few.
          promise:
            'processors that a flood of different bad signatures takes, of as many valid callers’',
          measured: median(this.#processorsOfValid(this.kinds.get(forged))),
          limit: { atMost: 1 },
        },
      ],
      skipped: [],
    };
  }

  #processorsOfValid(kind: Kind | undefined): number[] {
    const base = this.kinds.get(valid)?.processors ?? [];
    return (kind?.processors ?? []).map((taken, i) => taken / (base[i] ?? Number.NaN));
  }

  #ofValid(kind: Kind | undefined): number[] {
    const base = this.kinds.get(valid)?.micros ?? [];
    return (kind?.micros ?? []).map((micros, i) => micros / (base[i] ?? Number.NaN));
  }
}

function latencies(subject: string, rounds: readonly LoadFigures[]): Measurement {
  const figure = (read: (round: LoadFigures) => number): Figure => ({
    unit: 'ms',
    rounds: rounds.map(read),
  });
  return {
    subject,
    load: { connections: paced.connections },
    figures: { p50: figure(({ p50 }) => p50), p99: figure(({ p99 }) => p99) },
    failures: rounds.reduce((sum, { failures }) => sum + failures, 0),
  };
}

function headersOf(bearer: string | undefined): Record<string, string> {
  return bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
}

function withSignature(token: string): string {
  const [header, claims, signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url').length;
  return `${header}.${claims}.${randomBytes(bytes).toString('base64url')}`;
}

function withHeader(token: string): string {
  const [header = '', claims, signature] = token.split('.');
  return `${changed(header, 'kid')}.${claims}.${signature}`;
}

function withIssuer(token: string): string {
  const [header, claims = '', signature] = token.split('.');
  return `${header}.${changed(claims, 'iss')}.${signature}`;
}

function changed(part: string, name: string): string {
  const document = JSON.parse(String(Buffer.from(part, 'base64url'))) as Record<string, unknown>;
  const other = `made-up-${randomBytes(8).toString('hex')}`;
  return Buffer.from(JSON.stringify({ ...document, [name]: other })).toString('base64url');
}
