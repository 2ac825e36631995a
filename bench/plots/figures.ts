import type { Figure, Measurement } from '../harness/bench-case.js';
import { median } from '../median.js';

/** The numbers of one figure that a plot or a table shows. */
export interface Spread {
  readonly median: number;
  /** Of the rounds. */
  readonly least: number;
  readonly most: number;
  readonly rounds: number;
  readonly unit: string;
}

// A file of results holds null where a round gave no number.
const numbers = (rounds: readonly number[]) => rounds.filter((value) => Number.isFinite(value));

/** Undefined where the run has no such figure, or no round of it that is a number. */
export function spreadOf(measurement: Measurement, figure: string): Spread | undefined {
  const found: Figure | undefined = measurement.figures[figure];
  const rounds = numbers(found?.rounds ?? []);
  if (found === undefined || rounds.length === 0) return undefined;
  return {
    median: median(rounds),
    least: Math.min(...rounds),
    most: Math.max(...rounds),
    rounds: rounds.length,
    unit: found.unit,
  };
}

/**
 * How much of `other` this is: the median of the rounds' ratios, because a machine that slows down slows both sides of a
 * round. Where the two did not go round equally often it is the ratio of the medians.
 */
export function ratioTo(
  measurement: Measurement,
  other: Measurement,
  figure: string,
): number | undefined {
  const mine = measurement.figures[figure]?.rounds ?? [];
  const theirs = other.figures[figure]?.rounds ?? [];
  const ratio =
    mine.length === theirs.length
      ? median(numbers(mine.map((value, round) => value / (theirs[round] ?? Number.NaN))))
      : median(numbers(mine)) / median(numbers(theirs));
  return Number.isFinite(ratio) ? ratio : undefined;
}

/** Three digits that count, thousands apart: `27,100`, `0.843`, `3.10`. */
export function inDigits(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const text = value.toPrecision(3);
  return thousandsApart(text.includes('e') ? String(Number(text)) : text);
}

/** As it is, for ticks and loads: `1,024`. */
export function thousandsApart(text: string): string {
  const [whole = '', decimals] = text.split('.');
  const grouped = whole.replaceAll(/\B(?=(\d{3})+$)/g, ',');
  return decimals === undefined ? grouped : `${grouped}.${decimals}`;
}
