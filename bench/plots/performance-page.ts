import type { BenchRecord } from '../harness/bench-record.js';
import { plotsOfCases } from './plots-of-cases.js';
import { drawnPlot } from './plots.js';
import { barsTable, measuredWhen, measurementsTables, skippedList } from './result-tables.js';

type Records = ReadonlyMap<string, BenchRecord>;

/** The plots of docs/plots/ by file name: those that the records can fill. */
export function plotFiles(records: Records): ReadonlyMap<string, string> {
  const files = [...records.values()].flatMap((record) =>
    (plotsOfCases[record.case] ?? []).flatMap((plot) => {
      const svg = drawnPlot(plot, record);
      return svg === undefined ? [] : [[`${plot.name}.svg`, svg] as const];
    }),
  );
  return new Map(files);
}

const block = /(<!-- results: ([a-z-]+) -->\n)[\s\S]*?(<!-- end of results -->)/g;

/** The page with its generated blocks written anew; what stands between them is left as it is. */
export function withResults(page: string, records: Records): string {
  const files = plotFiles(records);
  return page.replaceAll(block, (_, begin: string, name: string, end: string) => {
    const text = name === 'bars' ? allBars(records) : caseText(name, records.get(name), files);
    return `${begin}\n${text}\n\n${end}`;
  });
}

function allBars(records: Records): string {
  const all = [...records.values()];
  const bars = all.flatMap(({ result }) => result.bars);
  if (bars.length === 0) return 'Not measured yet: `npm run bench`.';
  const busy = all.some(({ machine }) => machine.loadBefore > 0.5)
    ? '\n\nSome of it was measured while the machine had other work; each section says so.'
    : '';
  return `${barsTable(bars)}${busy}`;
}

function caseText(
  name: string,
  record: BenchRecord | undefined,
  files: ReadonlyMap<string, string>,
): string {
  if (record === undefined) return `Not measured yet: \`npm run bench -- ${name}\`.`;
  const { title, result } = record;
  const plots = (plotsOfCases[name] ?? [])
    .filter((plot) => files.has(`${plot.name}.svg`))
    .map((plot) => `![${plot.title}: ${plot.figure}](plots/${plot.name}.svg)`);
  const parts = [
    `${title[0]?.toUpperCase() ?? ''}${title.slice(1)}. ${measuredWhen(record)}`,
    ...plots,
    measurementsTables(result.measurements),
    skippedList(result),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}
