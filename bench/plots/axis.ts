import { thousandsApart } from './figures.js';

/** From values to places, and where the ticks are. */
export interface Axis {
  readonly ticks: readonly number[];
  at(value: number): number;
}

export interface Extent {
  readonly from: number;
  readonly to: number;
}

/** From zero to a round number that is no less than `most`; fewer ticks where there is little room. */
export function axisFromZero(most: number, { from, to }: Extent, about = 5): Axis {
  const step = roundStep((most > 0 ? most : 1) / about);
  const count = Math.max(Math.ceil((most > 0 ? most : 1) / step - 1e-9), 1);
  const ticks = Array.from({ length: count + 1 }, (_, i) => exact(i * step));
  const top = count * step;
  return { ticks, at: (value) => from + (value / top) * (to - from) };
}

/** Every tenfold has the same room; ticks at 1, 2 and 5 of each, or at 1 alone where those would be many. */
export function logarithmicAxis(least: number, most: number, { from, to }: Extent): Axis {
  const all = roundNumbers(least, most, [1, 2, 5]);
  const ticks = all.length > 10 ? roundNumbers(least, most, [1]) : all;
  const low = Math.log10(ticks[0] ?? 1);
  const high = Math.log10(ticks.at(-1) ?? 10);
  const span = high > low ? high - low : 1;
  return { ticks, at: (value) => from + ((Math.log10(value) - low) / span) * (to - from) };
}

/** Ticks at the loads that were measured and nowhere else; far apart as their logarithms are. */
export function axisOfLoads(loads: readonly number[], { from, to }: Extent): Axis {
  const ticks = [...new Set(loads)].sort((a, b) => a - b);
  const place = (value: number) => Math.log2(value + 1);
  const low = place(ticks[0] ?? 0);
  const span = place(ticks.at(-1) ?? 1) - low;
  return {
    ticks,
    at: (value) =>
      span === 0 ? (from + to) / 2 : from + ((place(value) - low) / span) * (to - from),
  };
}

/** `40,000`, or `0.25`. */
export function tickText(value: number): string {
  return thousandsApart(String(exact(value)));
}

const exact = (value: number) => Number(value.toPrecision(10));

/** 1, 2, 2.5 or 5 times a power of ten, no less than `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least) + 1e-9);
  const step = [1, 2, 2.5, 5, 10].find((each) => each * power >= least * (1 - 1e-9));
  return (step ?? 10) * power;
}

/** The round numbers from the last one below `least` to the first one above `most`. */
function roundNumbers(least: number, most: number, steps: readonly number[]): number[] {
  const first = Math.floor(Math.log10(least));
  const last = Math.ceil(Math.log10(most));
  const all = Array.from({ length: last - first + 1 }, (_, i) =>
    steps.map((step) => exact(step * 10 ** (first + i))),
  ).flat();
  const below = all.findLastIndex((value) => value <= least);
  const above = all.findIndex((value) => value >= most);
  return all.slice(Math.max(below, 0), above === -1 ? all.length : above + 1);
}
