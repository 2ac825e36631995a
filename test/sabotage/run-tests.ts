import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

export interface NamedTest {
  readonly spec: string;
  /** Part of the test's full name. */
  readonly test: string;
}

/** One test that ran. `messages` are the errors it failed with, stack included. */
export interface TestResult {
  readonly spec: string;
  readonly fullName: string;
  readonly passed: boolean;
  readonly messages: readonly string[];
}

export interface TestRun {
  readonly results: readonly TestResult[];
  /** Spec files that could not be loaded or set up, and why. */
  readonly broken: readonly string[];
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[] | null;
    }[];
  }[];
}

const deadlineMs = 10 * 60_000;

/** Runs these tests, and no others, with the vitest of the tree at `root`. */
export async function runTests(root: string, tests: readonly NamedTest[]): Promise<TestRun> {
  const outputFile = join(root, 'sabotage-report.json');
  await rm(outputFile, { force: true });
  const specs = new Set(tests.map(({ spec }) => spec));
  const pattern = [...new Set(tests.map(({ test }) => escaped(test)))].join('|');
  const output = await vitest(root, [
    'run',
    ...specs,
    `--testNamePattern=${pattern}`,
    '--reporter=json',
    `--outputFile=${outputFile}`,
  ]);
  const text = await readFile(outputFile, 'utf8').catch(() => undefined);
  if (text === undefined) return { results: [], broken: [output.slice(-2000)] };
  return runOf(JSON.parse(text) as Report, root);
}

function runOf({ testResults }: Report, root: string): TestRun {
  const broken = testResults
    .filter(({ status, message }) => status === 'failed' && message !== '')
    .map(({ name, message }) => `${name.slice(root.length + 1)}: ${message}`);
  const results = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'passed' || status === 'failed')
      .map(({ fullName, status, failureMessages }) => ({
        spec: name.slice(root.length + 1),
        fullName,
        passed: status === 'passed',
        messages: failureMessages ?? [],
      })),
  );
  return { results, broken };
}

/** Everything that vitest printed. */
function vitest(root: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const command = [join('node_modules', 'vitest', 'vitest.mjs'), ...args];
    const child = spawn(process.execPath, command, { cwd: root, timeout: deadlineMs });
    let output = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    child.stderr.on('data', (chunk) => (output += String(chunk)));
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
