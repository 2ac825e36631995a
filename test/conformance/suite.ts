import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchedPackage } from './fetched-package.js';
import { findNode22 } from './node-22.js';

/** No dependency of the project: it wants a newer Node than the project does. */
const suite = {
  name: '@modelcontextprotocol/conformance',
  version: '0.2.0-alpha.12',
  integrity:
    'sha512-eXtZFgmtZiU5SsvXty+RGXGnyIqEVm3GLU/HZmg1wMjtKOocPZZgD9HQKd30oJhio5UB0wFJmsc6r8u48Q+EYA==',
};

/** One check of a scenario, without what differs from run to run. */
export interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

/** Checks by scenario, in the order in which they were made. */
export type Results = ReadonlyMap<string, readonly Check[]>;

/** Fetches what is missing; a test may do something else meanwhile. */
export async function fetchSuite(): Promise<void> {
  await Promise.all([findNode22(), fetchedPackage(suite)]);
}

/** The official suite with these arguments, under a Node that it runs on. `mode` is its subcommand. */
export async function runSuite(
  mode: 'server' | 'client',
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Results> {
  const folder = await mkdtemp(join(tmpdir(), 'symbolon-conformance-'));
  try {
    const said = await execute([mode, ...args, '--output-dir', folder], env);
    const results = await readResults(folder, mode);
    if (results.size === 0) throw new Error(`the suite ran nothing:\n${said}`);
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function execute(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const [node, folder] = await Promise.all([findNode22(), fetchedPackage(suite)]);
  const program = join(folder, 'dist/index.js');
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 };
    // Failed checks make it exit with 1; they are compared, not counted.
    execFile(node, [program, ...args], options, (_error, stdout, stderr) => {
      resolve(stdout + stderr);
    });
  });
}

async function readResults(folder: string, mode: string): Promise<Results> {
  const found = new Map<string, readonly Check[]>();
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => name.endsWith('checks.json')).toSorted()) {
    const checks = JSON.parse(await readFile(join(folder, file), 'utf8')) as Check[];
    found.set(scenarioOf(file, mode), checks.map(comparable));
  }
  return found;
}

/** `server-tools-list-2026-11-21T19-31-41-365Z/checks.json` is of `tools-list`. */
function scenarioOf(file: string, mode: string): string {
  const name = file.replace(/-\d{4}-\d\d-\d\dT[^/]*\/checks\.json$/, '');
  return mode === 'server' ? name.replace(/^server-/, '') : name;
}

function comparable({ id, status, errorMessage }: Check): Check {
  return { id, status, ...(errorMessage === undefined ? {} : { errorMessage }) };
}

/** `12 of 14`, for a table. */
export function passedOf(checks: readonly Check[]): string {
  const passed = checks.filter(({ status }) => status === 'SUCCESS').length;
  const counted = checks.filter(({ status }) => status === 'SUCCESS' || status === 'FAILURE');
  return `${passed}/${counted.length}`;
}
