import type { Asked } from './asked.js';
import type { Figure, Measurement } from './bench-case.js';
import type { Load, LoadFigures } from './load.js';
import type { LoadProcess } from './load-process.js';
import { costOf } from './process-family.js';

/** Who is measured under which load. */
export interface Entrant {
  readonly subject: string;
  /** Whose processor time and memory count, with those of the processes that it started. */
  readonly pid: number | undefined;
  readonly labels: Measurement['load'];
  readonly asked: readonly Asked[];
  readonly load: Load;
}

interface Round extends LoadFigures {
  readonly cpuMicros: number;
  readonly residentMiB: number;
}

/** One line of a table while it is measured, round by round. */
export class Lane {
  readonly rounds: Round[] = [];
  failures = 0;

  constructor(readonly entrant: Entrant) {}

  /** Once, and not counted: code becomes warm, users get their tokens. */
  async warm(generator: LoadProcess, seconds: number): Promise<void> {
    const { perSecond: _perSecond, ...load } = this.entrant.load;
    const { failures } = await generator.run(this.entrant.asked, { ...load, seconds });
    this.failures += failures;
  }

  async measure(generator: LoadProcess): Promise<void> {
    const { asked, load, pid } = this.entrant;
    const before = costOf(pid);
    const figures = await generator.run(asked, load);
    const { cpuMicros, residentMiB } = costOf(pid);
    this.failures += figures.failures;
    this.rounds.push({
      ...figures,
      cpuMicros: (cpuMicros - before.cpuMicros) / figures.answers,
      residentMiB,
    });
  }

  /** `bare`: by whose throughput of the same round ours is divided. */
  measurement(bare?: Lane): Measurement {
    const figure = (unit: string, read: (round: Round) => number): Figure => ({
      unit,
      rounds: this.rounds.map(read),
    });
    const { subject, labels } = this.entrant;
    const figures = {
      throughput: figure('req/s', rateOf),
      ...(bare === undefined
        ? {}
        : { 'of bare': { unit: '×', rounds: ratios(this, bare, rateOf) } }),
      p50: figure('ms', p50Of),
      p99: figure('ms', ({ p99 }) => p99),
      'CPU per request': figure('µs', (round) => round.cpuMicros),
      'CPU per 1,000': figure('s', (round) => round.cpuMicros / 1000),
      RSS: figure('MiB', ({ residentMiB }) => residentMiB),
    };
    // Where there is no /proc, a process's own cost is not known.
    const known = Object.entries(figures).filter(([, { rounds }]) => rounds.every(Number.isFinite));
    return { subject, load: labels, figures: Object.fromEntries(known), failures: this.failures };
  }
}

export const rateOf = (round: Round): number => round.perSecond;
export const p50Of = (round: Round): number => round.p50;

/** Of each round by itself, so that a machine that slows down does not decide. */
export function ratios(one: Lane, other: Lane, read: (round: Round) => number): readonly number[] {
  return paired(one, other).map(([mine, theirs]) => read(mine) / read(theirs));
}

export function differences(
  one: Lane,
  other: Lane,
  read: (round: Round) => number,
): readonly number[] {
  return paired(one, other).map(([mine, theirs]) => read(mine) - read(theirs));
}

function paired(one: Lane, other: Lane): (readonly [Round, Round])[] {
  return one.rounds.flatMap((mine, i) => {
    const theirs = other.rounds[i];
    return theirs === undefined ? [] : [[mine, theirs] as const];
  });
}
