import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '#lib/testing/free-port';
import type { Listening } from './listening.js';

/** http_auth_bearer and jwt_verify came with it. */
const leastVersion = 2.5;

export interface HaproxyOptions {
  readonly upstream: string;
  /** What the Authorization header is swapped for. */
  readonly token: string;
  /** Checks the signature of the bearer token, and nothing else of it. */
  readonly verify?: { readonly algorithm: string; readonly publicKeyPem: string };
}

/** Why HAProxy cannot be measured here; undefined: it can. */
export function haproxyLacks(): string | undefined {
  const { stdout, error } = spawnSync('haproxy', ['-v'], { encoding: 'utf8' });
  if (error !== undefined) return 'haproxy is not on the PATH';
  const version = /version (\d+\.\d+)/.exec(stdout)?.[1];
  return Number(version) >= leastVersion
    ? undefined
    : `haproxy ${version} is older than ${leastVersion}`;
}

/** One thread, for the sake of comparison with one process of Node. */
export async function haproxy(options: HaproxyOptions): Promise<Listening> {
  const folder = mkdtempSync(join(tmpdir(), 'haproxy-'));
  const port = await freePort();
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, configuration(options, port, folder));
  const child = spawn('haproxy', ['-f', file, '-db'], { stdio: ['ignore', 'inherit', 'inherit'] });
  await untilListening(port, child);
  return {
    origin: `http://127.0.0.1:${port}`,
    pid: child.pid,
    stop: () => void child.kill('SIGKILL'),
  };
}

function configuration({ upstream, token, verify }: HaproxyOptions, port: number, folder: string) {
  return `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend calls
  bind 127.0.0.1:${port}
${verify === undefined ? '' : verifying(verify, folder)}
  http-request set-header Authorization "Bearer ${token}"
  default_backend upstream
backend upstream
  server upstream ${new URL(upstream).host}
`;
}

function verifying(
  { algorithm, publicKeyPem }: NonNullable<HaproxyOptions['verify']>,
  folder: string,
): string {
  const pem = join(folder, 'issuer.pem');
  writeFileSync(pem, publicKeyPem);
  return `  http-request set-var(txn.bearer) http_auth_bearer
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_header_query('$.alg') -m str ${algorithm} }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify("${algorithm}","${pem}") 1 }`;
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 200 && child.exitCode === null; attempt += 1) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (open) return;
    await sleep(25);
  }
  throw new Error('haproxy does not listen');
}
