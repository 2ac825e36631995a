import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** One version of a package of npm's registry. */
export interface PinnedPackage {
  readonly name: string;
  readonly version: string;
  /** `sha512-…` of its tarball, which npm checks what it unpacks against. */
  readonly integrity: string;
}

/**
 * Its folder, in `.cache/<name>-<version>`, where it is installed unless it is there: what only these tests need, and not
 * under every Node that the project runs on. Scripts are not run. Throws if it is not the one that is pinned.
 */
export async function fetchedPackage(pinned: PinnedPackage): Promise<string> {
  const { name, version } = pinned;
  const folder = join(process.cwd(), '.cache', `${name.replaceAll(/\W+/g, '-')}-${version}`);
  await mkdir(folder, { recursive: true });
  await alone(join(folder, 'lock'), async () => {
    if ((await integrityIn(folder, name)) === undefined) await install(folder, pinned);
    const found = await integrityIn(folder, name);
    if (found !== pinned.integrity)
      throw new Error(`${name}@${version} is not the one that is pinned: ${found}`);
  });
  return join(folder, 'node_modules', name);
}

async function install(folder: string, { name, version }: PinnedPackage): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{"private":true}');
  const flags = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts'];
  await run('npm', ['install', ...flags, `${name}@${version}`], { cwd: folder });
}

/** Of what npm has unpacked there, as it noted when it was done. */
async function integrityIn(folder: string, name: string): Promise<string | undefined> {
  const note = await readFile(join(folder, 'node_modules/.package-lock.json'), 'utf8').catch(
    () => '{}',
  );
  const { packages } = JSON.parse(note) as {
    packages?: Readonly<Record<string, { readonly integrity?: string }>>;
  };
  return packages?.[`node_modules/${name}`]?.integrity;
}

/** Test files run side by side: one fetches, the others wait. A lock of so long is a dead one's. */
async function alone(lock: string, work: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + 170_000;
  while (!(await taken(lock))) {
    if (performance.now() > deadline) await rm(lock, { recursive: true, force: true });
    await sleep(200);
  }
  try {
    await work();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

function taken(lock: string): Promise<boolean> {
  return mkdir(lock).then(
    () => true,
    () => false,
  );
}
