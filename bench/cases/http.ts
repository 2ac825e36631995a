import type { Asked } from '../harness/asked.js';
import type { Bar, BenchCase, CaseResult, Effort } from '../harness/bench-case.js';
import { HttpField, type Subject, type SubjectName } from '../harness/http-field.js';
import { inRounds } from '../harness/in-rounds.js';
import { differences, Lane, p50Of, rateOf, ratios } from '../harness/lane.js';
import { LoadProcess } from '../harness/load-process.js';
import { median } from '../median.js';

interface Shape {
  readonly method: 'GET' | 'POST';
  /** Of the answer, and of the body that is sent. */
  readonly bytes: number;
  readonly connections: number;
  /** Requests a second; else as many as are answered. */
  readonly paced?: number;
}

const everybody: readonly SubjectName[] = [
  ...(['direct', 'bare', 'replyFrom', 'haproxy', 'haproxyRs256', 'haproxyEs256', 'ours'] as const),
];
const some: readonly SubjectName[] = ['direct', 'bare', 'haproxyRs256', 'ours'];
const centre: Shape = { method: 'POST', bytes: 1024, connections: 64 };
const unhurried: Shape = { ...centre, connections: 16, paced: 800 };
/** What differs from the centre in one thing. */
const around: readonly Shape[] = [
  ...[1, 16, 256].map((connections) => ({ ...centre, connections })),
  { ...centre, method: 'GET' },
  { ...centre, bytes: 32_768 },
  { ...centre, method: 'GET', bytes: 32_768 },
  unhurried,
];

export const http: BenchCase = {
  name: 'http',
  title:
    'JSON over /http/{upstream}, 200 users with ES256 tokens, against the upstream itself and proxies of one thread each',
  async run(effort, progress) {
    const startedMs = performance.now();
    progress('starts the upstream, the proxies and a gateway');
    const field = await HttpField.start();
    const generator = new LoadProcess();
    try {
      const race = new Race(field, effort);
      progress('warms everybody up');
      await race.warm(generator);
      await inRounds(effort, startedMs, async (round) => {
        progress(`round ${round + 1} of ${effort.rounds}`);
        await race.round(generator, round);
      });
      return race.result();
    } finally {
      generator.stop();
      await field.stop();
    }
  },
};

/** The lanes of all shapes, and what came of them. */
class Race {
  readonly #lanes = new Map<Shape, ReadonlyMap<SubjectName, Lane>>();

  constructor(
    private readonly field: HttpField,
    private readonly effort: Effort,
  ) {
    this.#enter(centre, everybody, effort.seconds);
    for (const shape of around) this.#enter(shape, some, effort.seconds / 2);
  }

  async warm(generator: LoadProcess): Promise<void> {
    for (const [shape, lanes] of this.#lanes)
      for (const lane of lanes.values())
        await lane.warm(generator, this.effort.seconds * (shape === centre ? 0.75 : 0.15));
  }

  /** What stands around the centre is measured in three rounds of five. */
  async round(generator: LoadProcess, round: number): Promise<void> {
    for (const [shape, lanes] of this.#lanes)
      if (shape === centre || round < Math.ceil(this.effort.rounds * 0.6))
        for (const lane of lanes.values()) await lane.measure(generator);
  }

  result(): CaseResult {
    const measurements = [...this.#lanes.values()].flatMap((lanes) =>
      [...lanes.values()].map((lane) => lane.measurement(lanes.get('bare'))),
    );
    return { measurements, bars: this.#bars(), skipped: this.field.skipped };
  }

  #enter(shape: Shape, names: readonly SubjectName[], seconds: number): void {
    const lanes = new Map<SubjectName, Lane>();
    for (const name of names) {
      const subject = this.field.subjects.get(name);
      if (subject !== undefined) lanes.set(name, laneOf(subject, shape, seconds));
    }
    this.#lanes.set(shape, lanes);
  }

  #bars(): Bar[] {
    const where = '/http POST 1 KB, 64 connections, 200 users, ES256';
    const throughput = [
      { of: 'bare', name: 'bare node:http + undici', atLeast: 0.85 },
      { of: 'haproxyRs256', name: 'HAProxy jwt_verify RS256', atLeast: 1.3 },
      { of: 'haproxyEs256', name: 'HAProxy jwt_verify ES256', atLeast: 2.5 },
    ] as const;
    const sixteen = around.find(({ connections }) => connections === 16) ?? centre;
    return [
      ...throughput.flatMap(({ of, name, atLeast }) => {
        const measured = this.#compared(centre, of, (mine, theirs) => ratios(mine, theirs, rateOf));
        return measured === undefined
          ? []
          : [{ promise: `${where}: throughput of ${name}`, measured, limit: { atLeast } }];
      }),
      ...[sixteen, unhurried].flatMap((shape) => {
        const added = this.#compared(shape, 'direct', (mine, theirs) =>
          differences(mine, theirs, p50Of),
        );
        const pace = shape.paced === undefined ? 'full load' : `${shape.paced} requests/s`;
        const promise = `/http POST 1 KB, 16 connections, ${pace}: p50 added to the upstream's own, ms`;
        return added === undefined ? [] : [{ promise, measured: added, limit: { atMost: 0.5 } }];
      }),
    ];
  }

  /** The median over the rounds; undefined where the other was not measured. */
  #compared(
    shape: Shape,
    other: SubjectName,
    by: (ours: Lane, theirs: Lane) => readonly number[],
  ): number | undefined {
    const lanes = this.#lanes.get(shape);
    const ours = lanes?.get('ours');
    const theirs = lanes?.get(other);
    return ours && theirs && median(by(ours, theirs));
  }
}

function laneOf(subject: Subject, shape: Shape, seconds: number): Lane {
  const { method, bytes, connections, paced } = shape;
  const pace = paced === undefined ? {} : { perSecond: paced };
  return new Lane({
    subject: subject.name,
    pid: subject.pid,
    labels: { method, bytes, connections, pace: paced === undefined ? 'full' : `${paced}/s` },
    asked: askedOf(subject, shape),
    load: { connections, seconds, ...pace },
  });
}

function askedOf({ url, tokens }: Subject, { method, bytes }: Shape): Asked[] {
  const body = JSON.stringify({ note: 'y'.repeat(bytes - '{"note":""}'.length) });
  return tokens.map((token) => ({
    method,
    url: `${url}/items/${bytes}`,
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/json',
      'user-agent': 'bench',
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
    },
    ...(method === 'POST' ? { body } : {}),
  }));
}
