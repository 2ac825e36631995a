import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { BenchCase, CaseResult, Effort } from './bench-case.js';

/** What a file of results holds; `format` grows when a reader of the old one would be misled. */
export interface BenchRecord {
  readonly format: 1;
  readonly case: string;
  readonly title: string;
  readonly commit: string;
  /** Whether files under version control differed from that commit. */
  readonly changed: boolean;
  /** ISO 8601, when the case had ended. */
  readonly date: string;
  readonly machine: Machine;
  readonly effort: Effort;
  readonly tookSeconds: number;
  readonly result: CaseResult;
}

interface Machine {
  readonly cpu: string;
  readonly cpus: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly platform: string;
  /** Processes that wanted to run in the minute before: above 0.5 the machine had other work. */
  readonly loadBefore: number;
}

export function thisMachine(): Machine {
  const [first, ...others] = cpus();
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cpus: 1 + others.length,
    memoryGiB: rounded(totalmem() / 2 ** 30, 3),
    node: process.version,
    platform: `${platform()} ${process.arch} ${release()}`,
    loadBefore: rounded(loadavg()[0] ?? 0, 2),
  };
}

/** The commit of the checkout, outside of one `unknown`. */
export function checkedOut(): Pick<BenchRecord, 'commit' | 'changed'> {
  const git = (...words: string[]) =>
    execFileSync('git', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const differing = git('status', '--porcelain', '--untracked-files=no', '--', ':!bench/results');
    return { commit: git('rev-parse', 'HEAD'), changed: differing !== '' };
  } catch {
    return { commit: 'unknown', changed: false };
  }
}

/** Figures to four digits: what is behind them is noise. */
export function recordOf(
  { name, title }: Pick<BenchCase, 'name' | 'title'>,
  run: Pick<BenchRecord, 'commit' | 'changed' | 'machine' | 'effort' | 'tookSeconds' | 'result'>,
): BenchRecord {
  const { commit, changed, machine, effort, tookSeconds, result } = run;
  return {
    ...{ format: 1, case: name, title, commit, changed, date: new Date().toISOString() },
    ...{ machine, effort, tookSeconds: Math.round(tookSeconds) },
    result: JSON.parse(
      JSON.stringify(result, (_, value: unknown) =>
        typeof value === 'number' ? rounded(value, 4) : value,
      ),
    ) as CaseResult,
  };
}

/** Answers where it was written. */
export function writeRecord(folder: string, record: BenchRecord): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${record.case}.json`);
  const text = JSON.stringify(record, undefined, 1).replaceAll(
    /\[\s+([\d.e+-]+(?:,\s+[\d.e+-]+)*)\s+\]/g,
    (_, numbers: string) => `[${numbers.split(/,\s+/).join(', ')}]`,
  );
  writeFileSync(path, `${text}\n`);
  return path;
}

function rounded(value: number, digits: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(digits));
}
