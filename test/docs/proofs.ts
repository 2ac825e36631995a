import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folders = ['apps', 'libs', 'migrations', 'test', 'trial'];

function specFiles(root: string): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.spec\.tsx?$/.test(path) && !path.includes('fixture'))
      .map((path) => `${folder}/${path}`),
  );
}

/** Spec files by the row of the threat model that their titles name (`row 12, …`, `rows 1 and 8, …`). */
export function proofsByRow(root: string): Map<number, string[]> {
  const proofs = new Map<number, string[]>();
  for (const file of specFiles(root).toSorted()) {
    const titles = readFileSync(join(root, file), 'utf8').matchAll(
      /['"`]rows? ((?:\d+(?:, | and |,? and )?)+)/g,
    );
    const rows = [...titles].flatMap(([, list]) => (list ?? '').match(/\d+/g) ?? []).map(Number);
    for (const row of new Set(rows)) proofs.set(row, [...(proofs.get(row) ?? []), file]);
  }
  return proofs;
}

const tableRow = /^\| (\d+) \|(.*)\|[^|]*\|$/;

/** The threat model with the last column of its tables written from the specs. */
export function withProofs(text: string, proofs: ReadonlyMap<number, readonly string[]>): string {
  return text
    .split('\n')
    .map((line) => {
      const [, row, middle] = tableRow.exec(line) ?? [];
      if (row === undefined) return line;
      const files = (proofs.get(Number(row)) ?? []).map((file) => `\`${file}\``).join(', ');
      return `| ${row} |${middle ?? ''}| ${files}${files ? ' ' : ''}|`;
    })
    .join('\n');
}
