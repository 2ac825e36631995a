import type { BenchRecord } from '../harness/bench-record.js';
import type { Measurement } from '../harness/bench-case.js';
import { barChart } from './bar-chart.js';
import { inDigits, ratioTo, spreadOf } from './figures.js';
import { lineChart, type Series } from './line-chart.js';
import { colourCount } from './picture.js';

/** What a plot takes out of the record of a case. */
export interface Plot {
  /** Of its file: `http-throughput`. */
  readonly name: string;
  readonly title: string;
  readonly under: string;
  readonly figure: string;
  /** Loads that a measurement must have had. */
  readonly where?: Measurement['load'];
  /** Loads that stand beside the subject, where it was measured under several. */
  readonly beside?: readonly string[];
  /** Lines over this load; bars where it is not given. */
  readonly by?: {
    readonly load: string;
    readonly counted: string;
    /** Who was measured under one load alone is drawn as a level to compare with, else left out. */
    readonly levels?: boolean;
  };
  readonly logarithmic?: boolean;
  /** Whose share each bar is, and the word for it. */
  readonly of?: { readonly subject: string; readonly word: string };
  /** Drawn before the others; else whose name begins with ours. */
  readonly ours?: RegExp;
}

/** The plot as SVG, or undefined where the run has nothing that it could show. */
export function drawnPlot(plot: Plot, { result }: BenchRecord): string | undefined {
  const found = result.measurements.filter(
    (one) => isUnder(one, plot.where ?? {}) && spreadOf(one, plot.figure) !== undefined,
  );
  if (found.length === 0) return undefined;
  const { by } = plot;
  if (by === undefined) return bars(plot, found);
  const counted = found.filter(({ load }) => typeof load[by.load] === 'number');
  return lines(plot, counted, by);
}

const isUnder = ({ load }: Measurement, where: Measurement['load']) =>
  Object.entries(where).every(([name, value]) => load[name] === value);

const isOurs = ({ ours = /^Symbolon/ }: Plot, { subject }: Measurement) => ours.test(subject);

function labelOf({ beside = [] }: Plot, { subject, load }: Measurement): string {
  return [subject, ...beside.map((name) => load[name])].filter(Boolean).join(', ');
}

function bars(plot: Plot, found: readonly Measurement[]): string {
  const { title, under, figure, of } = plot;
  const other = found.find(({ subject }) => subject === of?.subject);
  const rows = found.flatMap((one) => {
    const spread = spreadOf(one, figure);
    const share = other === undefined ? undefined : ratioTo(one, other, figure);
    const note = share === undefined || one === other ? undefined : inDigits(share);
    if (spread === undefined) return [];
    const row = { label: labelOf(plot, one), ours: isOurs(plot, one), spread };
    return [note === undefined ? row : { ...row, note: `${note} ${of?.word ?? ''}` }];
  });
  return barChart({ title, under, figure, bars: rows });
}

function lines(
  plot: Plot,
  found: readonly Measurement[],
  by: NonNullable<Plot['by']>,
): string | undefined {
  const { title, under, figure, logarithmic } = plot;
  const labels = [...new Set(found.map((one) => labelOf(plot, one)))];
  const ours = labels.filter((label) =>
    found.some((one) => named(label, one) && isOurs(plot, one)),
  );
  const others = labels.filter((label) => !ours.includes(label));
  function named(label: string, one: Measurement): boolean {
    return labelOf(plot, one) === label;
  }
  const series = [...others, ...ours].map((label): Series => {
    const mine = ours.includes(label);
    const colour = mine ? ours.indexOf(label) : others.indexOf(label) + Math.max(2, ours.length);
    const points = found
      .filter((one) => named(label, one))
      .flatMap((one) => {
        const spread = spreadOf(one, figure);
        return spread === undefined ? [] : [{ load: Number(one.load[by.load]), spread }];
      });
    return { label, ours: mine, colour: colour % colourCount, points };
  });
  const counted = by.counted;
  const shown = series.filter(({ points }) => points.length > (by.levels === true ? 0 : 1));
  if (!shown.some(({ points }) => points.length > 1)) return undefined;
  return lineChart({ title, under, figure, counted, logarithmic, series: shown });
}
