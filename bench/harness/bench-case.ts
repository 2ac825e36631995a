/** What one figure is and how it came out: the median counts, the rounds show how much the machine wavered. */
export interface Figure {
  /** As it is printed: `req/s`, `ms`, `µs`, `MiB`, `s`. */
  readonly unit: string;
  readonly rounds: readonly number[];
}

/** One line of a table: who was measured under which load. */
export interface Measurement {
  /** `bare node:http + undici`, `Symbolon /http/{upstream}`, … */
  readonly subject: string;
  /** What differs between the lines of a case: `{ method: 'POST', bytes: 1024, connections: 64 }`. */
  readonly load: Readonly<Record<string, string | number>>;
  /** By what it is called in the table: `throughput`, `p50`, `p99`, `CPU per request`, `RSS`. */
  readonly figures: Readonly<Record<string, Figure>>;
  /** Answers that were not what was asked for. */
  readonly failures: number;
}

/** A promise, and whether this run kept it. It is printed; timing decides no exit status. */
export interface Bar {
  readonly promise: string;
  readonly measured: number;
  readonly limit: { readonly atLeast: number } | { readonly atMost: number };
}

/** Who was not measured, and why: named, never left out in silence. */
export interface Skipped {
  readonly subject: string;
  readonly why: string;
}

export interface CaseResult {
  readonly measurements: readonly Measurement[];
  readonly bars: readonly Bar[];
  readonly skipped: readonly Skipped[];
}

/** How much time a case may take, and how often it goes round. */
export interface Effort {
  readonly rounds: number;
  /** Of one measurement in one round. */
  readonly seconds: number;
  /** All that the case may take, starting included: rather go round less often than take longer. */
  readonly budgetSeconds: number;
}

/** One question that the bench answers; `npm run bench -- NAME` asks this one alone. */
export interface BenchCase {
  /** Lower case, also the name of its file of results: `http`. */
  readonly name: string;
  /** One sentence: what is measured against what. */
  readonly title: string;
  /** Starts what it needs, in turn and interleaved, and stops it again. `progress` tells who waits what happens. */
  run(effort: Effort, progress: (line: string) => void): Promise<CaseResult>;
}
