import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { patches } from './patches.js';
import type { Patch } from './patch.js';
import { placeOf } from './place-of.js';
import type { Place } from './place-of.js';
import { runTests } from './run-tests.js';
import type { TestRun } from './run-tests.js';
import { copyTree, removeTree } from './tree-copy.js';
import { judgeBaseline, judgeSabotage } from './verdict.js';
import type { Verdict } from './verdict.js';

/*
 * Takes one defence after the other out of a copy of the tree and asks its test. Arguments choose by part
 * of the name; without any, all of them.
 */
const root = process.cwd();
const wanted = process.argv.slice(2).map((part) => part.toLowerCase());
const chosen = patches.filter(
  ({ name }) => wanted.length === 0 || wanted.some((part) => name.toLowerCase().includes(part)),
);

async function sabotage(copy: string, patch: Patch, baseline: TestRun): Promise<[string, Verdict]> {
  let place: Place;
  try {
    place = await placeOf(copy, patch);
  } catch (error) {
    return [patch.file, { passed: false, says: error instanceof Error ? error.message : 'none' }];
  }
  const where = `${patch.file}:${place.line}`;
  const before = judgeBaseline(patch, baseline);
  if (!before.passed) return [where, before];
  const path = join(copy, patch.file);
  await writeFile(path, place.patched);
  try {
    return [where, judgeSabotage(patch, await runTests(copy, [patch]))];
  } finally {
    await writeFile(path, place.text);
  }
}

function row(cells: readonly string[]): void {
  console.log(`| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`);
}

async function run(): Promise<boolean> {
  if (chosen.length === 0) {
    console.error(`No sabotage has a name with: ${wanted.join(', ')}`);
    return false;
  }
  const copy = await copyTree(root);
  process.once('SIGINT', () => void removeTree(copy).finally(() => process.exit(130)));
  try {
    const baseline = await runTests(copy, chosen);
    row(['sabotage', 'attack', 'patch', 'test', 'verdict']);
    row(['---', '---', '---', '---', '---']);
    let passed = 0;
    for (const patch of chosen) {
      const [where, verdict] = await sabotage(copy, patch, baseline);
      if (verdict.passed) passed += 1;
      const test = `${patch.spec}: ${patch.test}`;
      row([patch.name, patch.row, where, test, `${verdict.passed ? '✓' : '✗'} ${verdict.says}`]);
    }
    console.log(`\n${passed} passed, ${chosen.length - passed} failed`);
    return passed === chosen.length;
  } finally {
    await removeTree(copy);
  }
}

process.exitCode = (await run()) ? 0 : 1;
