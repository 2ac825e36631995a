import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Login, ensureLogin, urlOf } from '#lib/embedded-postgres/postgres-login-role';
import { portTaken } from '#lib/embedded-postgres/port-taken';
import { startPostgres } from '#lib/embedded-postgres/postgres-server';
import type { PostgresServer } from '#lib/embedded-postgres/postgres-server';
import { controlFile } from '../config.js';
import type { TrialConfig } from '../config.js';
import { register } from '../register.js';
import { addressesOf } from './addresses.js';
import type { Addresses } from './addresses.js';
import { startControlServer } from './control-server.js';
import type { Controllable, PieceStatus } from './control-server.js';
import { Piece } from './piece.js';
import { migrationScript, pieceSpecs } from './pieces.js';
import { trialSecrets } from './trial-secrets.js';
import type { TrialSecrets } from './trial-secrets.js';
import { TrialLock } from './trial-lock.js';

const database = 'symbolon';
const vaultLoginName = 'symbolon_vault_login';

/** Gateway first, so that nobody calls into a vault that is going; Postgres last. */
const stopOrder = [
  'tour',
  'gateway',
  'snowdemo',
  'reports',
  'vault',
  'upstream-idp',
  'corporate-idp',
];

/** Starts, watches and stops everything that `npm start` runs. */
export class Supervisor implements Controllable {
  readonly addresses: Addresses;
  readonly #pieces = new Map<string, Piece>();
  #secrets!: TrialSecrets;
  #lock: TrialLock | undefined;
  #postgres: PostgresServer | undefined;
  #control: { stop(): Promise<void> } | undefined;
  #stopping: Promise<void> | undefined;

  constructor(
    private readonly config: TrialConfig,
    private readonly say: (sentence: string) => void,
  ) {
    this.addresses = addressesOf(config.portBase, config.vaultHost);
  }

  /** Resolves when everything is ready; rejects with one sentence that says what to do. */
  async start(): Promise<void> {
    const { stateDir, adminToken, portBase } = this.config;
    this.#lock = await TrialLock.take(stateDir, portBase, this.say);
    await this.#checkPorts();
    this.#secrets = await trialSecrets(stateDir, adminToken);
    this.#control = await startControlServer(
      this,
      controlFile(stateDir),
      this.#secrets.controlToken,
      { addresses: this.addresses },
    );
    this.say('Starting Postgres …');
    await this.#startPostgres();
    await this.#migrate();
    await ensureLogin(this.#databaseUrl, this.#vaultLogin);
    await this.#startPieces();
  }

  status(): Promise<Readonly<Record<string, PieceStatus>>> {
    const status: Record<string, PieceStatus> = {
      postgres: { state: this.#postgres === undefined ? 'stopped' : 'ready', restarts: 0 },
    };
    for (const { spec, state, pid, restarts } of this.#pieces.values()) {
      status[spec.name] = { state, pid, restarts };
    }
    return Promise.resolve(status);
  }

  async act(
    verb: 'start' | 'stop' | 'restart' | 'kill',
    name: string,
    env: Readonly<Record<string, string>>,
  ): Promise<void> {
    if (this.#stopping !== undefined) throw new Error('The trial is shutting down.');
    if (name === 'postgres') return this.#actOnPostgres(verb);
    const piece = this.#pieces.get(name);
    if (piece === undefined) {
      throw new Error(
        `There is no piece ${name}. There are: postgres, ${[...this.#pieces.keys()].join(', ')}.`,
      );
    }
    if (verb === 'kill') return piece.kill();
    if (verb !== 'start') await piece.stop();
    if (verb !== 'stop') await piece.start(env);
  }

  /** Stops everything in order; safe to call at any time and more than once. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  get secrets(): TrialSecrets {
    return this.#secrets;
  }

  has(name: string): boolean {
    return this.#pieces.has(name);
  }

  async #startPostgres(): Promise<void> {
    this.#postgres = await startPostgres({
      dataDir: join(this.config.stateDir, 'postgres'),
      port: this.addresses.ports.Postgres,
      durable: true,
    });
    await this.#postgres.createDatabase(database);
  }

  async #actOnPostgres(verb: 'start' | 'stop' | 'restart' | 'kill'): Promise<void> {
    if (verb !== 'start') {
      await this.#postgres?.stop(verb === 'kill');
      this.#postgres = undefined;
    }
    if (verb !== 'stop' && this.#postgres === undefined) await this.#startPostgres();
  }

  async #migrate(): Promise<void> {
    this.say('Bringing the schema up to date …');
    const env = { ...this.config.inherited, SYMBOLON_DATABASE_URL: this.#databaseUrl };
    await promisify(execFile)(process.execPath, [migrationScript], { env }).catch(
      (error: unknown) => {
        const { stderr } = error as { stderr?: string };
        throw new Error(`The migrations failed: ${stderr?.trim() ?? String(error)}`);
      },
    );
  }

  get #databaseUrl(): string {
    if (this.#postgres === undefined) throw new Error('Postgres is not running');
    return this.#postgres.url(database);
  }

  /** As in production: a member of the role that `npm run migrate` makes, which may add to the audit log, not change it. */
  get #vaultLogin(): Login {
    const password = this.#secrets.vaultDatabasePassword;
    return { name: vaultLoginName, password, memberOf: 'symbolon_vault' };
  }

  async #startPieces(): Promise<void> {
    const plan = { config: this.config, at: this.addresses, secrets: this.#secrets };
    const listener = {
      say: this.say,
      spawned: (name: string, pid?: number) => this.#lock?.remember(name, pid),
    };
    const database = {
      ownerUrl: this.#databaseUrl,
      vaultUrl: urlOf(this.#databaseUrl, this.#vaultLogin),
    };
    const specs = await pieceSpecs(plan, database);
    for (const spec of specs) {
      if (this.config.only?.includes(spec.name) === false) continue;
      this.#pieces.set(spec.name, new Piece(spec, listener));
    }
    this.say('Starting the vault, two identity providers and the demo services …');
    await this.#startAll(['corporate-idp', 'upstream-idp', 'vault', 'snowdemo', 'reports']);
    if (this.has('vault')) {
      this.say('Registering them at the vault through its admin API …');
      await register(this.addresses, this.#secrets);
    }
    this.say('Starting the gateway and the tour …');
    await this.#startAll(['gateway', 'tour']);
  }

  async #startAll(names: readonly string[]): Promise<void> {
    if (this.#stopping !== undefined) throw new Error('Stopped while starting.');
    const pieces = names.flatMap((name) => this.#pieces.get(name) ?? []);
    const results = await Promise.allSettled(pieces.map((piece) => piece.start()));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #checkPorts(): Promise<void> {
    const { Postgres: _own, ...ports } = this.addresses.ports;
    const taken: string[] = [];
    for (const [name, port] of Object.entries(ports)) {
      if (await portTaken(port)) taken.push(`${port} (${name})`);
    }
    if (taken.length === 0) return;
    throw new Error(
      `Port ${taken.join(', ')} on 127.0.0.1 is taken by another program: stop it, or use other ports with SYMBOLON_PORT_BASE=5000 npm start.`,
    );
  }

  async #stopAll(): Promise<void> {
    for (const name of stopOrder) await this.#pieces.get(name)?.stop();
    await this.#postgres?.stop();
    await this.#control?.stop();
    await this.#lock?.release();
  }
}
