export type Scale = 'short' | 'full';

/** What an experiment came to. */
export interface Outcome {
  /** Faults that were injected. */
  readonly faults: number;
  readonly operations: number;
  /** Grants, consents or answers that the promise says must not be lost. */
  readonly lost: number;
  readonly numbers: Readonly<Record<string, string | number>>;
  /** What was not as promised, in sentences. */
  readonly breaches: readonly string[];
  /** Bars of time that were missed; a busy machine may be why, so a test does not decide by them. */
  readonly late: readonly string[];
  readonly verdict: 'kept' | 'late' | 'broken';
}

/** Counts while an experiment runs. */
export class Tally {
  faults = 0;
  operations = 0;
  readonly #numbers: Record<string, string | number> = {};
  readonly #lost: string[] = [];
  readonly #breaches: string[] = [];
  readonly #late: string[] = [];
  readonly #longest = new Map<string, { readonly ms: number; readonly barMs: number }>();

  lose(what: string): void {
    this.#lost.push(what);
  }

  /** A breach unless it holds. */
  hold(holds: boolean, breach: string): void {
    if (!holds) this.#breaches.push(breach);
  }

  note(name: string, value: string | number): void {
    this.#numbers[name] = typeof value === 'number' ? rounded(value) : value;
  }

  /** A measured time and its bar, both in milliseconds. */
  within(name: string, ms: number, barMs: number): void {
    this.note(`${name}, ms`, ms);
    if (!(ms <= barMs)) this.#late.push(`${name}: ${rounded(ms)} ms, the bar is ${barMs} ms`);
  }

  /** As `within`, for what is measured several times: the longest counts. */
  atMost(name: string, ms: number, barMs: number): void {
    const before = this.#longest.get(name);
    this.#longest.set(name, { ms: Math.max(ms, before?.ms ?? 0), barMs });
  }

  outcome(): Outcome {
    for (const [name, { ms, barMs }] of this.#longest) this.within(name, ms, barMs);
    const breaches = [...this.#lost.slice(0, 5).map((what) => `lost: ${what}`), ...this.#breaches];
    const late = this.#late;
    return {
      faults: this.faults,
      operations: this.operations,
      lost: this.#lost.length,
      numbers: this.#numbers,
      breaches,
      late,
      verdict: breaches.length > 0 ? 'broken' : late.length > 0 ? 'late' : 'kept',
    };
  }
}

/** The value below which `share` of them lie; 0 where there is none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 10) / 10;
}
