// `npm run check:architecture`: the sentences of ARCHITECTURE.md, held against the tree.
import { fileURLToPath } from 'node:url';
import { findViolations, ruleNames, staleAllowances } from './violations.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const violations = await findViolations(root);
const stale = staleAllowances(root);

for (const { rule, file, line, found, why } of violations) {
  console.error(`${rule}: ${file}${line ? `:${line}` : ''}\n  ${found}\n  ${why}\n`);
}
for (const path of stale) {
  console.error(
    `short-files: ${path}\n  no longer needs its place in long-files.mjs. Remove it.\n`,
  );
}
const total = violations.length + stale.length;
console.error(total ? `${total} violations.` : `${ruleNames.length} architecture rules hold.`);
process.exitCode = total ? 1 : 0;
