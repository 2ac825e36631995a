import { execFile } from 'node:child_process';
import { access, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

const run = promisify(execFile);

/** No sandbox as root, and no traffic of the browser's own. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** Launches a headless Chromium, fetching one if this machine has none. Close it yourself. */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: await findChromium(), headless: true, args: flags });
}

async function findChromium(): Promise<string> {
  const tries = [fromEnvironment, fromPath, fromPlaywrightCache, fromNpm, fromApt, fromPlaywright];
  const failures: string[] = [];
  for (const attempt of tries) {
    try {
      const found = await attempt();
      if (found !== undefined) return found;
    } catch (error) {
      failures.push(`${attempt.name}: ${String(error).split('\n')[0]}`);
    }
  }
  throw new Error(
    `No Chromium for the browser tests. Install one and name it in CHROMIUM_PATH. Tried: ${failures.join('; ')}`,
  );
}

async function fromEnvironment(): Promise<string | undefined> {
  const path = process.env['CHROMIUM_PATH'];
  if (path === undefined || path === '') return undefined;
  await access(path);
  return path;
}

async function fromPath(): Promise<string | undefined> {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name);
      if (await exists(path)) return path;
    }
  }
  return undefined;
}

async function fromPlaywrightCache(): Promise<string | undefined> {
  const cache =
    process.env['PLAYWRIGHT_BROWSERS_PATH'] ??
    (process.platform === 'darwin'
      ? join(homedir(), 'Library/Caches/ms-playwright')
      : join(homedir(), '.cache/ms-playwright'));
  const programs = [
    'chrome-linux/chrome',
    'chrome-linux64/chrome',
    'chrome-linux/headless_shell',
    'chrome-headless-shell-linux64/chrome-headless-shell',
    'chrome-mac/Chromium.app/Contents/MacOS/Chromium',
  ];
  const versions = (await readdir(cache).catch(() => [])).filter((n) => n.startsWith('chromium'));
  for (const version of versions.toSorted().toReversed()) {
    for (const program of programs) {
      const path = join(cache, version, program);
      if (await exists(path)) return path;
    }
  }
  return undefined;
}

/** A Chromium that brings its own system libraries, so that it needs no root; linux x64 only. */
async function fromNpm(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const folder = join(process.cwd(), '.cache', 'chromium');
  await mkdir(folder, { recursive: true });
  return alone(join(folder, 'lock'), () => unpacked(folder));
}

async function unpacked(folder: string): Promise<string> {
  const manifest = join(folder, 'package.json');
  if (!(await exists(join(folder, 'node_modules/@sparticuz/chromium')))) {
    await writeFile(manifest, '{"private":true,"type":"module"}');
    await run('npm', ['install', '--no-audit', '--no-fund', '@sparticuz/chromium@147'], {
      cwd: folder,
    });
  }
  // It unpacks its libraries only where it believes itself in a Lambda.
  process.env['AWS_LAMBDA_JS_RUNTIME'] ??= 'nodejs20.x';
  process.env['AWS_EXECUTION_ENV'] ??= 'AWS_Lambda_nodejs20.x';
  const entry = createRequire(manifest).resolve('@sparticuz/chromium');
  const packaged = (await import(pathToFileURL(entry).href)) as {
    default: { executablePath(): Promise<string> };
  };
  // Not its own flags: they are a Lambda's, one process (which dies with the first context that is closed) and
  // no web security (which would make every browser test worthless).
  return packaged.default.executablePath();
}

/** Test files run side by side: one fetches and unpacks, the others wait. A lock of two minutes is a dead one's. */
async function alone<T>(lock: string, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 120_000;
  while (!(await taken(lock))) {
    if (performance.now() > deadline) await rm(lock, { recursive: true, force: true });
    await sleep(200);
  }
  try {
    return await work();
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

async function fromApt(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  await run('apt-get', ['update']);
  await run('apt-get', ['install', '-y', '--no-install-recommends', 'chromium']);
  return fromPath();
}

async function fromPlaywright(): Promise<string | undefined> {
  const manifest = createRequire(import.meta.url).resolve('playwright-core/package.json');
  await run(process.execPath, [join(manifest, '..', 'cli.js'), 'install', 'chromium']);
  return fromPlaywrightCache();
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
