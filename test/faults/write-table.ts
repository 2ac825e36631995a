import { readFile, writeFile } from 'node:fs/promises';
import { asMarkdown } from '#lib/testing/print-outcomes';
import type { Finished } from '#lib/testing/print-outcomes';

const marked = /(<!-- faults:begin -->\n)(.*?)(<!-- faults:end -->)/s;

/** Replaces the rows of what was measured; those of the other promises stay. */
export async function writeTable(
  path: string,
  finished: readonly Finished[],
  machine: string,
): Promise<void> {
  const text = await readFile(path, 'utf8');
  const before = marked.exec(text)?.[2] ?? '';
  const rows = new Map([...rowsOf(before), ...rowsOf(asMarkdown(finished))]);
  const [head = '', rule = ''] = asMarkdown([]).split('\n');
  const inOrder = [...rows].toSorted(([a], [b]) => a - b).map(([, row]) => row);
  const sums = `Together: ${sum(inOrder, 2)} faults, ${sum(inOrder, 3)} operations, ${sum(inOrder, 4)} lost.`;
  const lines = [head, rule, ...inOrder, '', `${sums} Machine: ${machine}.`, ''].join('\n');
  await writeFile(
    path,
    text.replace(marked, (_all, begin: string, _old, end: string) => begin + lines + end),
  );
}

/** By the number of the promise. */
function rowsOf(table: string): [number, string][] {
  return table.split('\n').flatMap((row): [number, string][] => {
    const promise = /^\| R(\d+) /.exec(row)?.[1];
    return promise === undefined ? [] : [[Number(promise), row]];
  });
}

function sum(rows: readonly string[], column: number): number {
  return rows.reduce((total, row) => total + Number(row.split(' | ')[column - 1]), 0);
}
