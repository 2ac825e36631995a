import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { freePort } from '#lib/testing/free-port';

const require = createRequire(import.meta.url);

export interface EverythingProcess {
  readonly url: string;
  stop(): Promise<void>;
}

/** `@modelcontextprotocol/server-everything`, the reference server of the revisions before 2026-07-28. */
export async function startEverything(): Promise<EverythingProcess> {
  const manifest = require.resolve('@modelcontextprotocol/server-everything/package.json');
  const port = await freePort();
  const child = spawn(process.execPath, [join(manifest, '..', 'dist/index.js'), 'streamableHttp'], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  // Whatever fails beside it, it does not outlive the test.
  process.once('exit', () => child.kill('SIGKILL'));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      if (chunk.includes('listening on port')) resolve();
    });
    child.once('exit', () => reject(new Error('server-everything did not start')));
  });
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
