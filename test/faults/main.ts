import { cpus, totalmem } from 'node:os';
import { runAsProcess } from '#lib/process/lifecycle';
import { experiments } from './experiments.js';
import type { Experiment } from './experiment.js';
import { asMarkdown, asText } from '#lib/testing/print-outcomes';
import type { Finished } from '#lib/testing/print-outcomes';
import { Laboratory } from './stack/laboratory.js';
import { writeTable } from './write-table.js';
import { Tally } from '#lib/testing/tally';
import type { Outcome, Scale } from '#lib/testing/tally';

const usage = `npm run faults -- [R1 R7 …] [--short] [--json | --markdown] [--write] [--keep]
Runs the experiments of the reliability contract, all unless some are named; ends with 1 if a promise is broken; --write
puts the rows into docs/reliability.md; --keep leaves the logs.
`;

const report = 'docs/reliability.md';

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  if (words.includes('--help')) return void process.stdout.write(usage);
  const named = words.filter((word) => !word.startsWith('--'));
  const chosen = experiments.filter(({ promise }) => named.length === 0 || named.includes(promise));
  if (chosen.length === 0) throw new Error(usage);
  const scale = words.includes('--short') ? 'short' : 'full';
  const finished = await runAll(chosen, scale, words.includes('--keep'));
  process.stdout.write(printed(finished, words));
  if (words.includes('--write')) await writeTable(report, finished, machine());
  process.exit(finished.some(({ outcome }) => outcome.verdict !== 'kept') ? 1 : 0);
}

async function runAll(
  chosen: readonly Experiment[],
  scale: Scale,
  keep: boolean,
): Promise<readonly Finished[]> {
  const those = (when: Experiment['when']) => chosen.filter((one) => one.when === when);
  const beside = those('beside').map((one) => inTurn([one], scale, keep));
  const finished = (await Promise.all([...beside, inTurn(those(undefined), scale, keep)])).flat();
  finished.push(...(await inTurn(those('alone'), scale, keep)));
  return chosen.flatMap((one) => finished.filter(({ experiment }) => experiment === one));
}

/** In one laboratory, one after the other. */
async function inTurn(
  chosen: readonly Experiment[],
  scale: Scale,
  keep: boolean,
): Promise<readonly Finished[]> {
  if (chosen.length === 0) return [];
  const laboratory = await Laboratory.open();
  const finished: Finished[] = [];
  try {
    for (const experiment of chosen) {
      const startedMs = performance.now();
      const outcome = await ran(experiment, laboratory, scale);
      const seconds = (performance.now() - startedMs) / 1000;
      const { promise, title } = experiment;
      process.stderr.write(`${promise} ${title}: ${outcome.verdict} (${seconds.toFixed(0)} s)\n`);
      finished.push({ experiment, outcome, seconds });
    }
  } finally {
    if (keep) process.stderr.write(`The logs are in ${laboratory.folder}.\n`);
    await laboratory.close(keep);
  }
  return finished;
}

/** An experiment that cannot be carried out shows nothing: that counts as broken. */
async function ran(experiment: Experiment, laboratory: Laboratory, scale: Scale): Promise<Outcome> {
  try {
    return await experiment.run(laboratory, scale);
  } catch (error) {
    const tally = new Tally();
    tally.hold(
      false,
      `the experiment failed: ${error instanceof Error ? error.stack : String(error)}`,
    );
    return tally.outcome();
  }
}

function printed(finished: readonly Finished[], words: readonly string[]): string {
  if (words.includes('--json'))
    return `${JSON.stringify(
      finished.map(({ experiment: { promise, title }, ...rest }) => ({ promise, title, ...rest })),
      null,
      2,
    )}\n`;
  return words.includes('--markdown')
    ? `${asMarkdown(finished)}\nMachine: ${machine()}.\n`
    : `\n${asText(finished)}${machine()}\n`;
}

function machine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${memory} GiB, Node ${process.version}`;
}

runAsProcess(import.meta.url, main);
