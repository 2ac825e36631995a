import type { Bar, Measurement } from '../harness/bench-case.js';
import type { BenchRecord } from '../harness/bench-record.js';
import { inDigits, spreadOf, thousandsApart } from './figures.js';

const foldedFrom = 13;

/** When, where and how this was measured, in one sentence or two. */
export function measuredWhen({ commit, changed, date, machine, effort, result }: BenchRecord) {
  const { cpu, cpus, memoryGiB, node, platform, loadBefore } = machine;
  const rounds = Math.max(
    0,
    ...result.measurements.flatMap(({ figures }) =>
      Object.values(figures).map((figure) => figure.rounds.length),
    ),
  );
  const busy =
    loadBefore > 0.5
      ? ` **The machine had other work (load ${loadBefore}): read these figures as a trial, not as a measurement.**`
      : '';
  const [system = '', processor = ''] = platform.split(' ');
  return (
    `Measured on ${date.slice(0, 10)} at commit \`${commit.slice(0, 10)}\`${changed ? ' with changes that are not in it' : ''}: ` +
    `${rounds === 1 ? 'one round' : `medians of up to ${rounds} rounds`} of ${effort.seconds} s at most on ${cpus} × ${cpu}, ${inDigits(memoryGiB)} GiB, ` +
    `Node ${node.replace('v', '')}, ${system} ${processor}.${busy}`
  );
}

/** Each promise, and whether this run kept it. */
export function barsTable(bars: readonly Bar[]): string {
  return table(
    ['promise', 'bar', 'measured', ''],
    bars.map(({ promise, measured, limit }) => [
      promise,
      'atLeast' in limit ? `≥ ${limit.atLeast}` : `≤ ${limit.atMost}`,
      measuredText(measured),
      isMet({ measured, limit }) ? 'met' : '**missed**',
    ]),
  );
}

/** What is no number was not measured, and nothing that was not measured is met. */
function isMet({ measured, limit }: Pick<Bar, 'measured' | 'limit'>): boolean {
  if (!Number.isFinite(measured)) return false;
  return 'atLeast' in limit ? measured >= limit.atLeast : measured <= limit.atMost;
}

const measuredText = (measured: number) =>
  Number.isFinite(measured) ? inDigits(measured) : 'not measured';

/** A table for each kind of measurement: those that begin with the same figure, under the same loads. */
export function measurementsTables(measurements: readonly Measurement[]): string {
  const kinds = new Map<string, Measurement[]>();
  for (const one of measurements) {
    const kind = [Object.keys(one.figures)[0], ...Object.keys(one.load)].join();
    kinds.set(kind, [...(kinds.get(kind) ?? []), one]);
  }
  return [...kinds.values()].map(measurementsTable).join('\n\n');
}

/** Medians of all figures; folded away where the lines are many, with ours in bold. */
function measurementsTable(measurements: readonly Measurement[]): string {
  const loads = namesOf(measurements.map(({ load }) => load)).filter(
    (name) => new Set(measurements.map(({ load }) => load[name])).size > 1,
  );
  const figures = namesOf(measurements.map((one) => one.figures));
  const failed = measurements.some(({ failures }) => failures > 0);
  const heads = ['', ...loads, ...figures.map((name) => withUnit(name, measurements))];
  const rows = measurements.map((one) => [
    one.subject.startsWith('Symbolon') ? `**${one.subject}**` : one.subject,
    ...loads.map((name) => loadText(one.load[name])),
    ...figures.map((name) => inDigits(spreadOf(one, name)?.median ?? Number.NaN)),
    ...(failed ? [String(one.failures)] : []),
  ]);
  const text = table([...heads, ...(failed ? ['failures'] : [])], rows);
  return rows.length < foldedFrom
    ? text
    : `<details><summary>All ${rows.length} measurements</summary>\n\n${text}\n\n</details>`;
}

export function skippedList({ skipped }: BenchRecord['result']): string {
  return skipped.map(({ subject, why }) => `- Not measured here: ${subject} (${why}).`).join('\n');
}

function withUnit(name: string, measurements: readonly Measurement[]): string {
  const unit = measurements.find(({ figures }) => figures[name])?.figures[name]?.unit;
  return unit === undefined ? name : `${name}, ${unit}`;
}

const loadText = (load: string | number | undefined) =>
  typeof load === 'number' ? thousandsApart(String(load)) : (load ?? '');

function namesOf(records: readonly Readonly<Record<string, unknown>>[]): string[] {
  return [...new Set(records.flatMap((record) => Object.keys(record)))];
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
  return [line(heads), `|${'---|'.repeat(heads.length)}`, ...rows.map(line)].join('\n');
}
