import { execFile } from 'node:child_process';
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const version = '22';
const platforms: Readonly<Record<string, string>> = {
  linux: 'linux',
  darwin: 'darwin',
};

/** A Node that is new enough for the conformance suite: this one, else one of npm's, kept in `.cache/node-22`. */
export async function findNode22(): Promise<string> {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  const platform = platforms[process.platform];
  if (platform === undefined)
    throw new Error('The conformance suite needs Node 22: run the tests with it.');
  const name = `node-${platform}-${process.arch}`;
  const folder = join(process.cwd(), '.cache', 'node-22');
  const program = join(folder, 'node_modules', name, 'bin', 'node');
  await mkdir(folder, { recursive: true });
  await alone(join(folder, 'lock'), async () => {
    if (!(await exists(program))) await install(folder, `${name}@${version}`);
  });
  return program;
}

/** The platform's package itself: `node` would fetch it in a script, and scripts may be switched off. */
async function install(folder: string, spec: string): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{"private":true}');
  const flags = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts'];
  await run('npm', ['install', ...flags, spec], { cwd: folder });
}

/** Test files run side by side: one fetches, the others wait. A lock of two minutes is a dead one's. */
async function alone(lock: string, work: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await mkdir(lock).then(yes, no))) {
    if (performance.now() > deadline) await rm(lock, { recursive: true, force: true });
    await sleep(200);
  }
  try {
    await work();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(yes, no);
}

const yes = (): boolean => true;
const no = (): boolean => false;
