import { median } from '../median.js';
import type { Bar, CaseResult, Figure, Measurement } from './bench-case.js';

/** The tables, bars and skips of a case, for a terminal. */
export function printedResult({ measurements, bars, skipped }: CaseResult): string {
  const lines = [...tableOf(measurements), '', ...bars.map(barLine), ...skipped.map(skipLine)];
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Whether the run kept the promise. */
function isMet({ measured, limit }: Bar): boolean {
  return 'atLeast' in limit ? measured >= limit.atLeast : measured <= limit.atMost;
}

function barLine(bar: Bar): string {
  const { promise, measured, limit } = bar;
  const bound = 'atLeast' in limit ? `at least ${limit.atLeast}` : `at most ${limit.atMost}`;
  return `${isMet(bar) ? 'met   ' : 'MISSED'} ${promise}: ${inDigits(measured)} (${bound})`;
}

function skipLine({ subject, why }: { subject: string; why: string }): string {
  return `skipped ${subject}: ${why}`;
}

function tableOf(measurements: readonly Measurement[]): string[] {
  const loads = namesOf(measurements.map(({ load }) => load));
  const figures = namesOf(measurements.map((one) => one.figures));
  const failed = measurements.some(({ failures }) => failures > 0);
  const heads = ['', ...loads, ...figures, ...(failed ? ['failures'] : [])];
  const rows = measurements.map(({ subject, load, figures: seen, failures }) => [
    subject,
    ...loads.map((name) => String(load[name] ?? '')),
    ...figures.map((name) => cellOf(seen[name])),
    ...(failed ? [String(failures)] : []),
  ]);
  const widths = heads.map((head, i) =>
    Math.max(head.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ');
  return [line(heads), ...rows.flatMap((row, i) => [...gapBefore(measurements, i), line(row)])];
}

/** An empty line where another load begins, if several are measured under each, one load after the other. */
function gapBefore(measurements: readonly Measurement[], i: number): string[] {
  const loads = measurements.map(({ load }) => JSON.stringify(load));
  const begins = loads.flatMap((load, at) => (load === loads[at - 1] ? [] : [at]));
  const grouped = begins.length === new Set(loads).size && begins.length * 2 <= loads.length;
  return grouped && i > 0 && begins.includes(i) ? [''] : [];
}

function namesOf(records: readonly Readonly<Record<string, unknown>>[]): string[] {
  return [...new Set(records.flatMap(Object.keys))];
}

function cellOf(figure: Figure | undefined): string {
  return figure === undefined ? '' : `${inDigits(median(figure.rounds))} ${figure.unit}`;
}

function inDigits(value: number): string {
  if (!Number.isFinite(value)) return 'unknown';
  if (Math.abs(value) >= 100) return value.toFixed(0);
  if (Math.abs(value) >= 10) return value.toFixed(1);
  return Math.abs(value) >= 1 ? value.toFixed(2) : value.toFixed(3);
}
