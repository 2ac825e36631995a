import { type Axis, axisFromZero, tickText } from './axis.js';
import { inDigits, type Spread } from './figures.js';
import { line, margin, picture, place, text, width, widthOf } from './picture.js';

export interface Bar {
  readonly label: string;
  readonly ours: boolean;
  readonly spread: Spread;
  /** After the number: `0.86 of bare`. */
  readonly note?: string;
}

export interface BarChart {
  readonly title: string;
  readonly under: string;
  /** By its name in the table: `throughput`. */
  readonly figure: string;
  readonly bars: readonly Bar[];
}

const top = 78;
const rowHeight = 36;
const barHeight = 20;

/** One bar lying for each subject: its length the median, the whisker from the least round to the most. */
export function barChart(chart: BarChart): string {
  const { bars, title, under } = chart;
  const unit = bars[0]?.spread.unit ?? '';
  const bottom = top + bars.length * rowHeight;
  const labels = Math.max(
    ...bars.flatMap(({ label, ours }) =>
      inLines(label).map((said) => widthOf(said, { bold: ours })),
    ),
    60,
  );
  const extent = extentOf(bars, margin + labels + 12);
  const axis = axisFromZero(mostOf(bars), extent, extent.to - extent.from < 260 ? 2.5 : 5);
  return picture({ title, under, description: described(chart), foot: footOf(bars) }, bottom + 88, [
    ...grid(axis, bottom),
    text({
      ...{ x: (extent.from + extent.to) / 2, y: bottom + 40, anchor: 'middle' as const },
      ...{ text: `${chart.figure}, ${unit}`, kind: 'm', size: 12 },
    }),
    ...bars.flatMap((bar, i) => row(bar, axis, top + i * rowHeight)),
    line('a', [axis.at(0), top - 4], [axis.at(0), bottom]),
  ]);
}

const mostOf = (bars: readonly Bar[]) => Math.max(...bars.map(({ spread }) => spread.most), 0);

/** As long as the numbers after the bars have room; the longest bar's may be short. */
function extentOf(bars: readonly Bar[], from: number): { from: number; to: number } {
  const most = mostOf(bars) || 1;
  const ends = bars.map((bar) => {
    const room = width - margin - 10 - widthOf(valueText(bar), { bold: bar.ours }) - from;
    return from + room / Math.max(bar.spread.most / most, 0.01);
  });
  return { from, to: Math.min(...ends, width - margin - 30) };
}

/** In two lines where it is long. */
function inLines(label: string): string[] {
  if (label.length <= 30) return [label];
  const comma = nearestMiddle(label, /,(?= )/g) + 1;
  const at = comma > 12 ? comma : label.lastIndexOf(' ', Math.ceil(label.length / 2) + 3);
  return at <= 0 ? [label] : [label.slice(0, at), label.slice(at + 1)];
}

function nearestMiddle(label: string, mark: RegExp): number {
  const off = (at: number) => Math.abs(at - label.length / 2);
  const places = [...label.matchAll(mark)].map(({ index }) => index);
  return places.reduce((best, at) => (off(at) < off(best) ? at : best), -1);
}

function grid(axis: Axis, bottom: number): string[] {
  return axis.ticks.flatMap((tick) => [
    line('g', [axis.at(tick), top - 4], [axis.at(tick), bottom]),
    text({
      ...{ x: axis.at(tick), y: bottom + 18, anchor: 'middle' as const, kind: 'm', size: 12 },
      text: tickText(tick),
    }),
  ]);
}

function row({ label, ours, spread, note }: Bar, axis: Axis, y: number): string[] {
  const middle = y + rowHeight / 2;
  const lines = inLines(label);
  const length = Math.max(axis.at(spread.median) - axis.at(0), 1);
  const ends = [axis.at(spread.least), axis.at(spread.most)] as const;
  const whisker = `M${place(ends[0])} ${middle}H${place(ends[1])}M${place(ends[0])} ${middle - 5}v10M${place(ends[1])} ${middle - 5}v10`;
  // First as wide as the ground around it: it lies half on its bar, whatever the bar's colour.
  const whiskers = [
    `<path class="o" fill="none" stroke-width="4" d="${whisker}"/>`,
    `<path class="w" fill="none" stroke-width="1.5" d="${whisker}"/>`,
  ];
  return [
    ...lines.map((said, i) =>
      text({
        ...{ x: axis.at(0) - 10, y: middle + 4.5 + (i - (lines.length - 1) / 2) * 15 },
        ...{ anchor: 'end' as const, text: said, weight: ours ? 600 : undefined },
      }),
    ),
    `<rect class="${ours ? 'f0' : 'other'}" x="${place(axis.at(0))}" y="${middle - barHeight / 2}" width="${place(length)}" height="${barHeight}" rx="2"/>`,
    ...(spread.rounds > 1 ? whiskers : []),
    text({
      ...{ x: Math.max(ends[1], axis.at(0) + length) + 10, y: middle + 4.5 },
      text: valueText({ spread, note }),
      weight: ours ? 600 : undefined,
    }),
  ];
}

function valueText({ spread, note }: Pick<Bar, 'spread' | 'note'>): string {
  return note === undefined ? inDigits(spread.median) : `${inDigits(spread.median)} · ${note}`;
}

function footOf(bars: readonly Bar[]): string {
  const rounds = Math.max(...bars.map(({ spread }) => spread.rounds), 0);
  return rounds > 1
    ? `Bars are medians of ${rounds} rounds, whiskers go from the lowest round to the highest.`
    : 'One round: how much it wavers is not known.';
}

function described({ bars, figure }: BarChart): string {
  const each = bars.map(
    (bar) =>
      `${bar.label}: ${inDigits(bar.spread.median)} ${bar.spread.unit}${bar.note === undefined ? '' : ` (${bar.note})`}`,
  );
  return `Bars of ${figure}. ${each.join('; ')}.`;
}
