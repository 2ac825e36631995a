import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { openSync, closeSync } from 'node:fs';
import { access, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { portTaken } from './port-taken.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { findPostgresBinaries } from './postgres-binaries.js';
import { findPostmaster, isAlive, stopPostmaster } from './postmaster-pid.js';
import { unprivilegedSpawn } from './unprivileged-spawn.js';

const superuser = 'symbolon';
const startTimeoutMs = 30_000;

export interface PostgresOptions {
  /** Holds the cluster, its password (0600), its log and the library links; made when missing. */
  readonly dataDir: string;
  readonly port: number;
  /** false: no fsync; for tests, whose data nobody needs after a power failure. */
  readonly durable: boolean;
}

/** A Postgres 18 server on 127.0.0.1. */
export interface PostgresServer {
  readonly pid: number;
  /** Connection string of the superuser; holds the password. */
  url(database: string): string;
  /** Creates the database if it is missing, as a copy of `template` if one is named. */
  createDatabase(name: string, template?: string): Promise<void>;
  /** Fast shutdown; `atOnce`: kill -9, for experiments. */
  stop(atOnce?: boolean): Promise<void>;
}

/** Starts the server on `dataDir`, or re-attaches to the one that still runs there. Errors are one clear sentence. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const cluster = join(options.dataDir, 'cluster');
  await mkdir(options.dataDir, { recursive: true, mode: 0o755 });
  const password = await ensurePassword(join(options.dataDir, 'password'));
  const url = (database: string) =>
    `postgres://${superuser}:${password}@127.0.0.1:${options.port}/${encodeURIComponent(database)}`;
  const survivor = await findPostmaster(cluster);
  if (survivor !== undefined) {
    if (survivor.port === options.port && (await canConnect(url('postgres')))) {
      return serverAt(survivor.pid, url);
    }
    await stopPostmaster(survivor.pid);
  }
  if (await portTaken(options.port)) {
    throw new Error(
      `Port ${options.port} on 127.0.0.1 is taken by another program, so Postgres cannot listen there: stop that program or choose another port.`,
    );
  }
  const binaries = await findPostgresBinaries(join(options.dataDir, 'lib'));
  await ensureCluster(binaries, cluster, password, options);
  const pid = await launch(binaries, cluster, options);
  await untilReady(pid, url('postgres'), options);
  return serverAt(pid, url);
}

function serverAt(pid: number, url: (database: string) => string): PostgresServer {
  return {
    pid,
    url,
    createDatabase: (name, template) => createDatabase(url('postgres'), name, template),
    stop: (atOnce = false) => stopPostmaster(pid, atOnce),
  };
}

async function ensurePassword(file: string): Promise<string> {
  const made = randomBytes(24).toString('base64url');
  await writeFile(file, made, { mode: 0o600, flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return (await readFile(file, 'utf8')).trim();
}

async function ensureCluster(
  binaries: PostgresBinaries,
  cluster: string,
  password: string,
  options: PostgresOptions,
): Promise<void> {
  if (await exists(join(cluster, 'PG_VERSION'))) return;
  const { owner } = unprivilegedSpawn();
  await mkdir(cluster, { recursive: true, mode: 0o700 });
  const passwordFile = join(cluster, '..', 'initdb-password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (owner !== undefined) {
    for (const path of [cluster, passwordFile]) await chown(path, owner.uid, owner.gid);
  }
  const child = run(
    binaries,
    binaries.initdb,
    [
      ...['-D', cluster, '-U', superuser, '--encoding=UTF8', '--locale=C'],
      ...['--auth=scram-sha-256', `--pwfile=${passwordFile}`],
      ...(options.durable ? [] : ['--no-sync']),
    ],
    options.dataDir,
  );
  const code = await new Promise((resolve) => child.once('exit', resolve).once('error', resolve));
  await writeFile(passwordFile, '');
  if (code !== 0) {
    throw new Error(
      `Postgres could not create its data directory ${cluster}: ${await lastWords(options.dataDir)}`,
    );
  }
}

async function launch(
  binaries: PostgresBinaries,
  cluster: string,
  options: PostgresOptions,
): Promise<number> {
  const settings = [
    `port=${options.port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    ...(options.durable ? [] : ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off']),
  ];
  const child = run(
    binaries,
    binaries.postgres,
    ['-D', cluster, ...settings.flatMap((s) => ['-c', s])],
    options.dataDir,
  );
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  child.unref();
  return child.pid ?? 0;
}

/** Detached, so that Ctrl-C of the terminal does not reach the server before its clients. */
function run(binaries: PostgresBinaries, program: string, args: string[], dataDir: string) {
  const { command, options } = unprivilegedSpawn();
  const [file, argv] = command(program, args);
  const log = openSync(join(dataDir, 'postgres.log'), 'a', 0o600);
  const child = spawn(file, argv, {
    ...options,
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...binaries.env },
  });
  closeSync(log);
  return child;
}

async function untilReady(pid: number, url: string, options: PostgresOptions): Promise<void> {
  for (let waitedMs = 0; waitedMs < startTimeoutMs; waitedMs += 50) {
    if (await canConnect(url)) return;
    if (!isAlive(pid)) break;
    await sleep(50);
  }
  throw new Error(
    `Postgres did not start on port ${options.port}: ${await lastWords(options.dataDir)}`,
  );
}

async function canConnect(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

async function createDatabase(url: string, name: string, template?: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (found.rowCount !== 0) return;
    const copyOf = template === undefined ? '' : ` TEMPLATE ${client.escapeIdentifier(template)}`;
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}${copyOf}`);
  } finally {
    await client.end();
  }
}

async function lastWords(dataDir: string): Promise<string> {
  const log = await readFile(join(dataDir, 'postgres.log'), 'utf8').catch(() => '');
  const last = log.trim().split('\n').at(-1) ?? '';
  return `${last} (the whole log: ${join(dataDir, 'postgres.log')})`;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
