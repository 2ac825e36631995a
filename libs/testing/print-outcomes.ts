import type { Outcome } from './tally.js';

export interface Finished {
  readonly experiment: { readonly promise: string; readonly title: string };
  readonly outcome: Outcome;
  readonly seconds: number;
}

const head = ['promise', 'faults', 'operations', 'lost', 'verdict', 's'];

/** One line per promise, columns aligned, then what was measured and what was broken. */
export function asText(finished: readonly Finished[]): string {
  const rows = [head, ...finished.map(cells)];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const table = rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  '));
  const details = finished.flatMap(({ experiment, outcome }) => [
    `${experiment.promise}: ${numbersOf(outcome)}`,
    ...[...outcome.breaches, ...outcome.late].map((what) => `    ! ${what}`),
  ]);
  return [...table, '', ...details, ''].join('\n');
}

/** The table of docs/reliability.md. */
export function asMarkdown(finished: readonly Finished[]): string {
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`;
  const rows = finished.map(({ experiment, outcome, seconds }) => [
    `${experiment.promise} ${experiment.title}`,
    ...cells({ experiment, outcome, seconds }).slice(1, 5),
    numbersOf(outcome),
  ]);
  const titles = [...head.slice(0, 5), 'measured'];
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line), ''].join('\n');
}

function cells({ experiment, outcome, seconds }: Finished): readonly string[] {
  const { faults, operations, lost, verdict } = outcome;
  const counts = [faults, operations, lost].map(String);
  return [`${experiment.promise} ${experiment.title}`, ...counts, verdict, seconds.toFixed(0)];
}

function numbersOf({ numbers }: Outcome): string {
  return Object.entries(numbers)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}
