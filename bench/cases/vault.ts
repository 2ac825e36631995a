import { median } from '../median.js';
import type { Asked, Latencies } from '../closed-loop.js';
import { cpuMicros } from '../cpu-micros.js';
import type { BenchCase, CaseResult, Effort, Figure, Measurement } from '../harness/bench-case.js';
import { socketLoad } from '../socket-load.js';
import { VaultUnderLoad } from '../vault-under-load.js';

const people = 100;
const connections = [16, 64];
const barConnections = 64;

interface Subject {
  readonly name: string;
  readonly pid: number | undefined;
  asked(): readonly Asked[] | Promise<readonly Asked[]>;
}

interface Round extends Latencies {
  /** Microseconds a request. */
  readonly cpu: number | undefined;
  readonly postgres: number | undefined;
}

interface Line {
  readonly subject: Subject;
  readonly connections: number;
  readonly rounds: Round[];
}

export const vault: BenchCase = {
  name: 'vault',
  title:
    'RFC 8693 exchanges of a stored, valid token at one vault, against a bare select by key over HTTP on the same database',
  async run(effort, progress): Promise<CaseResult> {
    const load = await VaultUnderLoad.open(people);
    try {
      const lines = await exchanges(load, effort, progress);
      return { measurements: lines.map(measurementOf), bars: barsOf(lines), skipped: [] };
    } finally {
      await load.close();
    }
  },
};

async function exchanges(
  load: VaultUnderLoad,
  { rounds, seconds }: Effort,
  progress: (line: string) => void,
): Promise<readonly Line[]> {
  const [row, opened] = [await load.bare('sealed'), await load.bare('opened')];
  const subjects: readonly Subject[] = [
    { name: 'bare node:http, one pg select by key', pid: row.pid, asked: () => row.asked },
    { name: 'bare Fastify, the same + opened', pid: opened.pid, asked: () => opened.asked },
    { name: 'Symbolon, RFC 8693 exchange', pid: load.vault.pid, asked: () => load.exchanges() },
  ];
  const lines = connections.flatMap((count) =>
    subjects.map((subject) => ({ subject, connections: count, rounds: [] as Round[] })),
  );
  for (const { subject, connections: count } of lines)
    await socketLoad(await subject.asked(), { connections: count, seconds: seconds / 2 });
  for (let round = 0; round < rounds; round += 1) {
    progress(`exchange, round ${round + 1} of ${rounds}`);
    for (const line of lines) line.rounds.push(await measured(load, line, seconds));
  }
  return lines;
}

async function measured(
  load: VaultUnderLoad,
  { subject, connections: count }: Line,
  seconds: number,
): Promise<Round> {
  const asked = await subject.asked();
  const before = [cpuMicros(subject.pid), load.postgresCpuMicros()] as const;
  const seen = await socketLoad(asked, { connections: count, seconds });
  const per = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined ? undefined : (to - from) / seen.answers;
  const after = [cpuMicros(subject.pid), load.postgresCpuMicros()] as const;
  return { ...seen, cpu: per(before[0], after[0]), postgres: per(before[1], after[1]) };
}

function measurementOf({ subject, connections: count, rounds }: Line): Measurement {
  const figure = (unit: string, of: (round: Round) => number | undefined): Figure => ({
    unit,
    rounds: rounds.flatMap((round) => of(round) ?? []),
  });
  return {
    subject: subject.name,
    load: { connections: count },
    figures: {
      throughput: figure('req/s', ({ perSecond }) => perSecond),
      p50: figure('ms', ({ p50 }) => p50),
      p99: figure('ms', ({ p99 }) => p99),
      'CPU per request': figure('µs', ({ cpu }) => cpu),
      'CPU of Postgres per request': figure('µs', ({ postgres }) => postgres),
    },
    failures: rounds.reduce((sum, { failures }) => sum + failures, 0),
  };
}

function barsOf(lines: readonly Line[]) {
  const [row, opened, exchange] = lines.filter((line) => line.connections === barConnections);
  const ratio = (to: Line | undefined) =>
    median(
      (exchange?.rounds ?? []).map(
        ({ perSecond }, i) => perSecond / (to?.rounds[i]?.perSecond ?? Number.NaN),
      ),
    );
  return [
    {
      promise: `exchange against a bare pg select by key over HTTP, ${barConnections} connections`,
      measured: ratio(row),
      limit: { atLeast: 0.5 },
    },
    {
      promise: `exchange against a bare Fastify handler that opens the token too, ${barConnections} connections`,
      measured: ratio(opened),
      limit: { atLeast: 0.5 },
    },
  ];
}
