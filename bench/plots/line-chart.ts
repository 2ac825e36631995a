import { type Axis, axisFromZero, axisOfLoads, logarithmicAxis, tickText } from './axis.js';
import { inDigits, type Spread } from './figures.js';
import { line, margin, picture, place, text, width, widthOf } from './picture.js';

export interface Point {
  readonly load: number;
  readonly spread: Spread;
}

export interface Series {
  readonly label: string;
  readonly ours: boolean;
  /** Its place in the palette, the same in each plot. */
  readonly colour: number;
  readonly points: readonly Point[];
}

export interface LineChart {
  readonly title: string;
  readonly under: string;
  readonly figure: string;
  /** What the loads count: `connections`. */
  readonly counted: string;
  /** Where the least and the most are a hundredfold apart. */
  readonly logarithmic?: boolean;
  readonly series: readonly Series[];
}

const height = 424;
const top = 94;
const bottom = height - 84;
const labelHeight = 17;

/** One line for each subject over the loads that were measured; points are medians, whiskers the spread of the rounds. */
export function lineChart(chart: LineChart): string {
  const { title, under, series, logarithmic = false } = chart;
  const spreads = series.flatMap(({ points }) => points.map(({ spread }) => spread));
  const labels = Math.max(...series.map(({ label, ours }) => labelWidth(label, ours)), 60);
  const loads = series.flatMap(({ points }) => points.map(({ load }) => load));
  // A logarithm has no place for a call that took nothing, or a round without answers.
  const tenfold = logarithmic && spreads.every(({ least }) => least > 0);
  const y = verticalAxis(spreads, tenfold);
  const left =
    margin + Math.max(...y.ticks.map((tick) => widthOf(tickText(tick), { size: 12 }))) + 10;
  const extent = { from: left, to: width - margin - labels - 18 };
  const x = axisOfLoads(loads, { from: extent.from + 14, to: extent.to - 8 });
  const rounds = Math.max(...spreads.map((spread) => spread.rounds), 0);
  const caption = { title, under, description: described(chart), foot: footOf(rounds) };
  return picture(caption, height, [
    ...frame({ x, y, extent }, chart, `${spreads[0]?.unit ?? ''}${tenfold ? ', logarithmic' : ''}`),
    ...series.flatMap((one) => drawn(one, x, y)),
    ...endLabels(series, x, y),
  ]);
}

const labelWidth = (label: string, ours: boolean) => widthOf(label, { bold: ours });

function verticalAxis(spreads: readonly Spread[], logarithmic: boolean): Axis {
  const extent = { from: bottom, to: top };
  const most = Math.max(...spreads.map((spread) => spread.most), 0);
  const least = Math.min(...spreads.map((spread) => spread.least));
  return logarithmic ? logarithmicAxis(least, most, extent) : axisFromZero(most, extent);
}

interface Frame {
  readonly x: Axis;
  readonly y: Axis;
  readonly extent: { readonly from: number; readonly to: number };
}

function frame({ x, y, extent }: Frame, chart: LineChart, scale: string): string[] {
  const { from, to } = extent;
  return [
    ...y.ticks.flatMap((tick) => [
      line('g', [from, y.at(tick)], [to, y.at(tick)]),
      text({
        ...{ x: from - 8, y: y.at(tick) + 4, anchor: 'end' as const, kind: 'm', size: 12 },
        text: tickText(tick),
      }),
    ]),
    text({ x: margin, y: top - 14, text: `${chart.figure}, ${scale}`, kind: 'm', size: 12 }),
    line('a', [from, bottom], [to, bottom]),
    ...x.ticks.flatMap((tick) => [
      line('a', [x.at(tick), bottom], [x.at(tick), bottom + 5]),
      text({
        ...{ x: x.at(tick), y: bottom + 20, anchor: 'middle' as const, kind: 'm', size: 12 },
        text: tickText(tick),
      }),
    ]),
    text({
      ...{ x: (from + to) / 2, y: bottom + 40, anchor: 'middle' as const, kind: 'm', size: 12 },
      text: chart.counted,
    }),
  ];
}

function drawn({ points, colour, ours }: Series, x: Axis, y: Axis): string[] {
  const sorted = [...points].sort((a, b) => a.load - b.load);
  const at = sorted.map(({ load, spread }) => [x.at(load), y.at(spread.median)] as const);
  const path = at.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${place(px)} ${place(py)}`).join('');
  return [
    `<path class="l s${colour}${ours ? ' ours' : ''}" d="${path}"/>`,
    ...sorted.flatMap(({ load, spread }) => [
      ...(spread.rounds > 1 ? [whisker(x.at(load), y, spread, colour)] : []),
      `<circle class="f${colour} o" stroke-width="1.5" cx="${place(x.at(load))}" cy="${place(y.at(spread.median))}" r="${ours ? 5 : 4}"/>`,
    ]),
  ];
}

function whisker(px: number, y: Axis, { least, most }: Spread, colour: number): string {
  const ends = [place(y.at(least)), place(y.at(most))] as const;
  return `<path class="s${colour}" fill="none" stroke-width="1.5" d="M${place(px)} ${ends[0]}V${ends[1]}M${place(px - 4)} ${ends[0]}h8M${place(px - 4)} ${ends[1]}h8"/>`;
}

/** At the ends of their lines, as near to them as they do not cover each other. */
function endLabels(series: readonly Series[], x: Axis, y: Axis): string[] {
  const wanted = series
    .flatMap((one) => {
      const last = [...one.points].sort((a, b) => a.load - b.load).at(-1);
      return last === undefined ? [] : [{ one, end: y.at(last.spread.median), load: last.load }];
    })
    .sort((a, b) => a.end - b.end);
  const places = apart(wanted.map(({ end }) => end));
  const right = Math.max(...wanted.map(({ load }) => x.at(load)), 0);
  return wanted.flatMap(({ one, end, load }, i) => {
    const at = places[i] ?? end;
    // Who was not measured up to the last load keeps a level of dashes to compare with.
    const level = `<path class="s${one.colour}" fill="none" stroke-dasharray="3 5" d="M${place(x.at(load) + 8)} ${place(end)}H${place(right)}"/>`;
    const leader = `<path class="s${one.colour}" fill="none" d="M${place(right + 8)} ${place(end)}L${place(right + 16)} ${place(at)}"/>`;
    return [
      ...(x.at(load) < right ? [level] : []),
      ...(Math.abs(at - end) > 3 ? [leader] : []),
      text({
        ...{ x: right + 20, y: at + 4.5, kind: `f${one.colour}`, text: one.label },
        weight: one.ours ? 600 : undefined,
      }),
    ];
  });
}

/** The same order, each at least one line below the other, and none below the plot. */
function apart(wanted: readonly number[]): number[] {
  const places = [...wanted];
  for (let i = 1; i < places.length; i += 1)
    places[i] = Math.max(places[i] ?? 0, (places[i - 1] ?? 0) + labelHeight);
  for (let i = places.length - 1; i >= 0; i -= 1)
    places[i] = Math.min(places[i] ?? 0, (places[i + 1] ?? bottom + labelHeight) - labelHeight);
  return places;
}

function footOf(rounds: number): string {
  return rounds > 1
    ? `Points are medians of ${rounds} rounds, whiskers go from the lowest round to the highest.`
    : 'One round: how much it wavers is not known.';
}

function described({ series, figure, counted }: LineChart): string {
  const each = series.map(({ label, points }) => {
    const numbers = points.map(
      ({ load, spread }) => `${inDigits(spread.median)} ${spread.unit} at ${tickText(load)}`,
    );
    return `${label}: ${numbers.join(', ')}`;
  });
  return `${figure} by number of ${counted}. ${each.join('; ')}.`;
}
