import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { allTemplates } from '../../apps/vault/src/templates/catalogue.js';
import { cases } from '../../bench/cases.js';
import { plotFiles, withResults } from '../../bench/plots/performance-page.js';
import { recordsIn } from '../../bench/plots/records.js';
import { processes } from './processes.js';
import { proofsByRow, withProofs } from './proofs.js';
import { providersPage } from './providers-page.js';
import { configurationDocument } from './settings-table.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8');

describe('docs/configuration.md', () => {
  it('is what the schemas say (else: npm run docs:generate)', () => {
    expect(read('docs/configuration.md')).toBe(configurationDocument(processes));
  });

  it('describes each setting', () => {
    for (const { schema } of processes) {
      const settings = Object.entries(schema.shape as Record<string, z.ZodType>);
      expect(settings.filter(([, { description }]) => !description).map(([name]) => name)).toEqual(
        [],
      );
    }
  });

  it('tells what is required, what has a default, and escapes the table', () => {
    const schema = z.object({
      SYMBOLON_A: z.string().describe('this | that'),
      SYMBOLON_B: z.coerce.number().default(3).describe('three'),
      SYMBOLON_C: z.string().optional().describe('may be missing'),
    });
    const text = configurationDocument([{ title: 'X', command: 'npm start', schema }]);
    expect(text).toContain(
      String.raw`| \`SYMBOLON_A\` | **required** | this \| that |`.replaceAll('\\`', '`'),
    );
    expect(text).toContain('| `SYMBOLON_B` | `3` | three |');
    expect(text).toContain('| `SYMBOLON_C` |  | may be missing |');
  });
});

describe('docs/providers.md', () => {
  it('is what the catalogue says (else: npm run docs:generate)', () => {
    expect(read('docs/providers.md')).toBe(providersPage(allTemplates()));
  });
});

describe('docs/performance.md', () => {
  const records = recordsIn(`${root}bench/results`);

  it('shows what the files of results say (else: npm run docs:generate)', () => {
    const page = read('docs/performance.md');
    expect(page).toBe(withResults(page, records));
  });

  it('has each plot that they can fill, and no other', () => {
    const plots = plotFiles(records);
    const folder = `${root}docs/plots`;
    const drawn = existsSync(folder) ? readdirSync(folder).sort() : [];
    expect(drawn).toEqual([...plots.keys()].sort());
    for (const [file, svg] of plots) expect(read(`docs/plots/${file}`)).toBe(svg);
  });

  it('has a place for each case', () => {
    const page = read('docs/performance.md');
    const missing = cases.filter(({ bench }) => !page.includes(`<!-- results: ${bench.name} -->`));
    expect(missing.map(({ bench }) => bench.name)).toEqual([]);
  });
});

describe('docs/threat-model.md', () => {
  const rows = [...read('docs/threat-model.md').matchAll(/^\| (\d+) \|(.*)\|([^|]*)\|$/gm)];

  it('holds forty attacks, each once', () => {
    expect(rows.map(([, row]) => Number(row))).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  });

  it.each(rows.filter(([, , , files]) => files?.trim()).map(([, row, , files]) => [row, files]))(
    'row %s of it names specs that prove it',
    (row, files) => {
      const proofs = proofsByRow(root).get(Number(row)) ?? [];
      for (const [, file] of files?.matchAll(/`([^`]+)`/g) ?? []) expect(proofs).toContain(file);
    },
  );

  it('gets its last column from the titles of the specs', () => {
    const line = '| 12 | state replay | one conditional UPDATE | old |';
    expect(withProofs(line, new Map([[12, ['a.spec.ts', 'b.spec.ts']]]))).toBe(
      '| 12 | state replay | one conditional UPDATE | `a.spec.ts`, `b.spec.ts` |',
    );
    expect(withProofs(line, new Map())).toBe('| 12 | state replay | one conditional UPDATE | |');
  });
});
