import { cases } from './cases.js';
import type { Effort } from './harness/bench-case.js';
import type { CaseMessage } from './harness/case-process.js';
import { endCase } from './harness/end-case.js';

// Started by harness/case-process.ts. Without the one who waits for the result nobody needs it, or what it started.
const [name, effort = '{}', folder = ''] = process.argv.slice(2);
process.prependListener('disconnect', () => endCase(process.pid, folder));

const tell = (message: CaseMessage): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(message, () => resolve());
  });

async function main(effort: Effort): Promise<void> {
  const found = cases.find(({ bench }) => bench.name === name);
  if (found === undefined) throw new Error(`no case is named ${name}`);
  const result = await found.bench.run(effort, (progress) => void tell({ progress }));
  await tell({ result });
}

try {
  await main(JSON.parse(effort) as Effort);
} catch (error) {
  await tell({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
process.exit();
