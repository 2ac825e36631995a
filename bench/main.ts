import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cases } from './cases.js';
import type { Effort } from './harness/bench-case.js';
import { checkedOut, recordOf, thisMachine, writeRecord } from './harness/bench-record.js';
import { CaseProcess } from './harness/case-process.js';
import { printedResult } from './harness/print-result.js';

const names = cases.map(({ bench }) => bench.name);
const usage = `npm run bench -- [--quick] [NAME ...]
Measures all cases, or those named, of: ${names.join(', ')}.
The figures are printed and written to bench/results/NAME.json. All together take at most ten minutes.
--quick goes round once, in moments, and writes to bench/results/quick/: it shows that a case works, not how fast.
`;

// The build before it counts too.
const totalSeconds = 585;
const effortOf = {
  full: { rounds: 5, seconds: 1, budgetSeconds: totalSeconds },
  quick: { rounds: 1, seconds: 0.3, budgetSeconds: 90 },
};

async function main(words: readonly string[]): Promise<number> {
  if (words.includes('--help')) return said(usage, 0);
  const named = words.filter((word) => !word.startsWith('-'));
  const unknown = named.filter((word) => !names.includes(word));
  const options = words.filter((word) => word.startsWith('-') && word !== '--quick');
  if (unknown.length > 0) return said(`No case is named ${unknown.join(', ')}.\n\n${usage}`, 2);
  if (options.length > 0) return said(`No option is named ${options.join(', ')}.\n\n${usage}`, 2);
  const chosen = cases.filter(({ bench }) => named.length === 0 || named.includes(bench.name));
  return measure(chosen, words.includes('--quick'));
}

async function measure(chosen: typeof cases, quick: boolean): Promise<number> {
  const folder = fileURLToPath(
    new URL(`../../bench/results${quick ? '/quick' : ''}`, import.meta.url),
  );
  const run = { ...checkedOut(), machine: thisMachine() };
  const { cpu, cpus, memoryGiB, node, platform, loadBefore } = run.machine;
  process.stdout.write(
    `${run.commit.slice(0, 10)}${run.changed ? ', changed' : ''}; ${cpus} × ${cpu}, ${memoryGiB} GiB, Node ${node}, ${platform}\n`,
  );
  if (loadBefore > 0.5)
    process.stdout.write(`The machine has other work (load ${loadBefore}): its figures waver.\n`);
  const base = quick ? effortOf.quick : effortOf.full;
  const endsMs = performance.now() + totalSeconds * 1000;
  let failed = 0;
  for (const [i, one] of chosen.entries()) {
    const left = (endsMs - performance.now()) / 1000;
    const shares = chosen.slice(i).reduce((sum, { share }) => sum + share, 0);
    const budgetSeconds = Math.min(base.budgetSeconds, (left * one.share) / shares);
    failed += await measureOne(one.bench, { ...base, budgetSeconds }, { run, folder, left });
  }
  return failed === 0 ? 0 : 1;
}

interface Run {
  readonly run: Pick<Parameters<typeof recordOf>[1], 'commit' | 'changed' | 'machine'>;
  readonly folder: string;
  /** Seconds until all must have ended. */
  readonly left: number;
}

/** How many cases failed: none or one. */
async function measureOne(
  bench: (typeof cases)[number]['bench'],
  effort: Effort,
  { run, folder, left }: Run,
): Promise<number> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  process.stdout.write(`\n${bench.name}: ${bench.title}\n`);
  try {
    const limit = Math.min(left, effort.budgetSeconds * 1.3 + 15);
    const result = await new CaseProcess(bench.name, effort).result(limit, (line) =>
      process.stderr.write(`  ${seconds().toFixed(0).padStart(3)} s  ${line}\n`),
    );
    const record = recordOf(bench, { ...run, effort, tookSeconds: seconds(), result });
    process.stdout.write(`\n${printedResult(record.result)}`);
    const path = relative(process.cwd(), writeRecord(folder, record));
    process.stdout.write(`${seconds().toFixed(0)} s; ${path}\n`);
    return 0;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    process.stdout.write(`FAILED ${bench.name}: ${why}\n`);
    return 1;
  }
}

function said(text: string, status: number): number {
  (status === 0 ? process.stdout : process.stderr).write(text);
  return status;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => process.exit(130));
process.exit(await main(process.argv.slice(2)));
