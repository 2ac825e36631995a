import { readFile, stat } from 'node:fs/promises';

export interface Times {
  readonly count: number;
  /** Milliseconds in Postgres: parse, bind and execute together. */
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

/** What statements cost in Postgres, from its log under `log_min_duration_statement = 0`. */
export class StatementTimes {
  #from = 0;

  constructor(private readonly log: string) {}

  /** Only what is logged from now on counts. */
  async reset(): Promise<void> {
    this.#from = (await stat(this.log)).size;
  }

  /** Of the statements that begin so. */
  async of(beginning: string): Promise<Times> {
    const text = (await readFile(this.log)).subarray(this.#from).toString('utf8');
    const line = /\[(\d+)\] LOG: {2}duration: ([\d.]+) ms {2}(parse|bind|execute) [^:]+: (.*)$/gm;
    const running = new Map<string, number>();
    const times: number[] = [];
    for (const [, pid = '', ms = '', step, sql = ''] of text.matchAll(line)) {
      if (!sql.startsWith(beginning)) continue;
      const sum = (step === 'parse' ? 0 : (running.get(pid) ?? 0)) + Number(ms);
      running.set(pid, sum);
      if (step === 'execute') times.push(sum);
    }
    return summary(times);
  }
}

/** Of milliseconds. */
export function summary(times: readonly number[]): Times {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), most: at(1) };
}
