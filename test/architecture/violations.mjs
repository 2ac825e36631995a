import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findImportViolations, importRules } from './imports.mjs';
import { longFiles } from './long-files.mjs';
import { maxLines, sourceRules } from './source-rules.mjs';
import { readTree } from './tree.mjs';

const folders = ['apps', 'libs', 'migrations', 'trial', 'test', 'bench'];
const rules = sourceRules(longFiles);

export const ruleNames = [...importRules, ...rules.map(({ name }) => name)];

/** `{rule, file, line?, found, why}` for each place below `root` that breaks a rule. */
export async function findViolations(root) {
  const present = folders.filter((folder) => existsSync(join(root, folder)));
  const files = readTree(root, present);
  const inSource = files.flatMap((file) =>
    rules.flatMap(({ name, why, check }) =>
      check(file).map((place) => ({ rule: name, file: file.path, why, ...place })),
    ),
  );
  return [...(await findImportViolations(root, present)), ...inSource];
}

/** Entries of long-files.mjs that allow nothing any more. */
export function staleAllowances(root) {
  return [...longFiles.keys()].filter((path) => {
    const file = join(root, path);
    return (
      !existsSync(file) || readFileSync(file, 'utf8').trimEnd().split('\n').length <= maxLines(path)
    );
  });
}
