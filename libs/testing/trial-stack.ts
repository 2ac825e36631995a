import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { urlOf } from '#lib/embedded-postgres/postgres-login-role';
import { portTaken } from '#lib/embedded-postgres/port-taken';
import { reservePort } from './free-port.js';
import { controlHeader } from './trial-control.js';

/** What the product is made of, and the two providers that people sign in at: enough for most tests. */
export const corePieces = ['corporate-idp', 'upstream-idp', 'vault', 'gateway'];

export interface TrialOptions {
  /** Default: a free block of ports. */
  readonly portBase?: number;
  /** Lifetime of an upstream access token in seconds; default 120. */
  readonly tokenTtl?: number;
  /** Default: a temporary folder, removed by `stop`. */
  readonly stateDir?: string;
  /** `localhost` makes the vault and the providers different sites, as in production. */
  readonly vaultHost?: '127.0.0.1' | 'localhost';
  readonly logLevel?: string;
  /** Only these pieces, beside Postgres. */
  readonly only?: readonly string[];
}

export interface TrialAddresses {
  readonly gateway: string;
  readonly vault: string;
  readonly corporateIdp: string;
  readonly upstreamIdp: string;
  readonly snowdemo: string;
  readonly reports: string;
  readonly tour: string;
  /** By the name of what listens there: `Postgres`, `vault metrics`, … */
  readonly ports: Readonly<Record<string, number>>;
}

export interface IssuedSecret {
  readonly kind: 'access_token' | 'refresh_token' | 'id_token' | 'code';
  readonly value: string;
  readonly sha256: string;
  readonly issuedAt: number;
}

export interface ReceivedRequest {
  readonly at: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type TrialPiece =
  | 'postgres'
  | 'vault'
  | 'gateway'
  | 'corporate-idp'
  | 'upstream-idp'
  | 'snowdemo'
  | 'reports'
  | 'tour';

type Mode = 'up' | 'unavailable' | 'drop' | 'hang';

/** The trial of `npm start`, run from dist/ for a test. */
export class TrialStack {
  #temporary = false;

  private constructor(
    private readonly supervisor: ChildProcess,
    readonly urls: TrialAddresses,
    readonly adminToken: string,
    readonly stateDir: string,
    private readonly control: { readonly origin: string; readonly token: string },
  ) {}

  /** Resolves when everything is ready; rejects with what the supervisor said. */
  static async start(options: TrialOptions = {}): Promise<TrialStack> {
    const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), 'symbolon-trial-')));
    const portBase = options.portBase ?? (await freePortBase());
    const supervisor = spawn(process.execPath, [join(process.cwd(), 'dist/trial/main.js')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...settings(options, stateDir, portBase) },
    });
    await untilReady(supervisor);
    const about = JSON.parse(await readFile(join(stateDir, 'run', 'control.json'), 'utf8')) as {
      addresses: TrialAddresses;
      origin: string;
      token: string;
    };
    const adminToken = await readFile(join(stateDir, 'admin-token'), 'utf8');
    const stack = new TrialStack(supervisor, about.addresses, adminToken, stateDir, about);
    stack.#temporary = options.stateDir === undefined;
    return stack;
  }

  /** Stops everything in order, as Ctrl-C does. */
  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.supervisor;
    if (exitCode === null && signalCode === null) {
      const exited = new Promise((resolve) => this.supervisor.once('exit', resolve));
      this.supervisor.kill('SIGINT');
      await exited;
    }
    if (this.#temporary) await rm(this.stateDir, { recursive: true, force: true });
  }

  /** `env` is added to the piece's environment from now on, e.g. a crash point. */
  async restart(piece: TrialPiece, env: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.#ask(this.control.origin, `/restart/${piece}`, { env });
  }

  async stopPiece(piece: TrialPiece): Promise<void> {
    await this.#ask(this.control.origin, `/stop/${piece}`, {});
  }

  async startPiece(piece: TrialPiece, env: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.#ask(this.control.origin, `/start/${piece}`, { env });
  }

  /** kill -9; the supervisor starts it again by itself. */
  async kill(piece: TrialPiece): Promise<void> {
    await this.#ask(this.control.origin, `/kill/${piece}`, {});
  }

  async status(): Promise<
    Readonly<Record<string, { state: string; pid?: number; restarts: number }>>
  > {
    const answer = await this.#ask(this.control.origin, '/status');
    return answer as Record<string, { state: string; pid?: number; restarts: number }>;
  }

  /** Successful and refused token requests of a provider since its start. */
  async idpCounters(idp: 'corporateIdp' | 'upstreamIdp'): Promise<{
    readonly succeeded: Readonly<Record<string, number>>;
    readonly refused: Readonly<Record<string, number>>;
  }> {
    const answer = await this.#ask(this.urls[idp], '/trial/state');
    return answer as { succeeded: Record<string, number>; refused: Record<string, number> };
  }

  /** Every token and code that a provider issued since its start. */
  async issued(idp: 'corporateIdp' | 'upstreamIdp'): Promise<readonly IssuedSecret[]> {
    return (await this.#ask(this.urls[idp], '/trial/issued')) as IssuedSecret[];
  }

  /** All grants of a provider are withdrawn there. */
  async forgetGrants(idp: 'corporateIdp' | 'upstreamIdp'): Promise<void> {
    await this.#ask(this.urls[idp], '/trial/forget-grants', {});
  }

  async setMode(
    service: 'corporateIdp' | 'upstreamIdp' | 'snowdemo' | 'reports',
    mode: Mode,
  ): Promise<void> {
    await this.#ask(new URL(this.urls[service]).origin, '/trial/mode', { mode });
  }

  /** All that a demo service was sent since its start. */
  async received(service: 'snowdemo' | 'reports'): Promise<readonly ReceivedRequest[]> {
    const { origin } = new URL(this.urls[service]);
    return (await this.#ask(origin, '/trial/received')) as ReceivedRequest[];
  }

  /** The demo service refuses every token that it has accepted so far. */
  async expireTokens(service: 'snowdemo' | 'reports'): Promise<void> {
    await this.#ask(new URL(this.urls[service]).origin, '/trial/expire', {});
  }

  /** The demo service answers 401 whatever the token, until told otherwise. */
  async refuseTokens(service: 'snowdemo' | 'reports', all: boolean): Promise<void> {
    await this.#ask(new URL(this.urls[service]).origin, '/trial/refuse', { all });
  }

  /** What every process has logged, one text. */
  async logs(): Promise<string> {
    const folder = join(this.stateDir, 'logs');
    const files = (await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8'));
    return (await Promise.all(files)).join('\n');
  }

  /** Connection string of the vault's database, with the superuser's rights. */
  async databaseUrl(): Promise<string> {
    const password = await readFile(join(this.stateDir, 'postgres', 'password'), 'utf8');
    return `postgres://symbolon:${password}@127.0.0.1:${this.urls.ports['Postgres']}/symbolon`;
  }

  /** Connection string of the database user that the trial's vault works as. */
  async vaultDatabaseUrl(): Promise<string> {
    const file = join(this.stateDir, 'secrets', 'vault-database-password');
    const password = await readFile(file, 'utf8');
    return urlOf(await this.databaseUrl(), { name: 'symbolon_vault_login', password });
  }

  async #ask(origin: string, path: string, body?: Record<string, unknown>): Promise<unknown> {
    const answer = await fetch(origin + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { [controlHeader]: this.control.token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  }
}

function settings(
  options: TrialOptions,
  stateDir: string,
  portBase: number,
): Record<string, string> {
  return {
    SYMBOLON_STATE_DIR: stateDir,
    SYMBOLON_PORT_BASE: String(portBase),
    SYMBOLON_TRIAL_TOKEN_TTL: String(options.tokenTtl ?? 120),
    SYMBOLON_TRIAL_VAULT_HOST: options.vaultHost ?? '127.0.0.1',
    SYMBOLON_LOG_LEVEL: options.logLevel ?? 'info',
    ...(options.only === undefined ? {} : { SYMBOLON_TRIAL_PIECES: options.only.join(',') }),
  };
}

async function untilReady(supervisor: ChildProcess): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const listen = (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('\nReady. ')) resolve();
    };
    supervisor.stdout?.on('data', listen);
    supervisor.stderr?.on('data', listen);
    supervisor.once('error', reject);
    supervisor.once('exit', () => reject(new Error(`The trial did not start:\n${said}`)));
  });
}

/** A base whose ports are all free and that no other caller of this is given; the trial uses up to 402 above it. */
async function freePortBase(): Promise<number> {
  const offsets = [0, 32, 90, 100, 190, 200, 300, 400, 401, 402];
  // Below what `freePort` answers; each begins where chance says, and goes round.
  const places = 18;
  const start = randomInt(places);
  for (let i = 0; i < places; i += 1) {
    const base = 11_000 + 500 * ((start + i) % places);
    if (!(await reservePort(base))) continue;
    const taken = await Promise.all(offsets.map((offset) => portTaken(base + offset)));
    if (!taken.includes(true)) return base;
  }
  throw new Error(
    'every block of ports is taken: other trials run, or this process began too many',
  );
}
