import { cases } from './cases.js';
import type { Effort } from './harness/bench-case.js';
import type { CaseMessage } from './harness/case-process.js';

// Started by harness/case-process.ts. Without the one who waits for the result nobody needs it, or what it started.
process.prependListener('disconnect', () => process.kill(-process.pid, 'SIGKILL'));

const tell = (message: CaseMessage): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(message, () => resolve());
  });

async function main(name: string | undefined, effort: Effort): Promise<void> {
  const found = cases.find(({ bench }) => bench.name === name);
  if (found === undefined) throw new Error(`no case is named ${name}`);
  const result = await found.bench.run(effort, (progress) => void tell({ progress }));
  await tell({ result });
}

const [name, effort = '{}'] = process.argv.slice(2);
try {
  await main(name, JSON.parse(effort) as Effort);
} catch (error) {
  await tell({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
process.exit();
