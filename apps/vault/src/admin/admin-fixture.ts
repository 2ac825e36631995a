import { randomBytes } from 'node:crypto';
import { SynchronisedClock } from '#lib/clock/clock';
import { ReadinessChecks } from '#lib/observability/health';
import { createLogger } from '#lib/observability/logger';
import { Outbound } from '#lib/outbound/outbound';
import { Secret } from '#lib/secret/secret';
import { freshDatabase } from '#lib/testing/postgres-fresh-database';
import { TestIssuer } from '#lib/testing/test-issuer';
import type { RevocationReport } from '../grants/grants.js';
import { PostgresAuditExport } from '../audit/postgres-audit-export.js';
import { CountedRefusals } from '../audit/counted-refusals.js';
import { PostgresAuditLog } from '../audit/postgres-audit-log.js';
import { noCrash } from '../database/crash-point.js';
import { PostgresDatabase } from '../database/postgres-database.js';
import { PostgresEventBus } from '../events/postgres-event-bus.js';
import { readKeyRing } from '../sealing/read-key-ring.js';
import type { VaultLogger } from '../log-events.js';
import { KeepUnsealed } from '../sealing/keep-unsealed.js';
import { KeyRingSealer } from '../sealing/key-ring-sealer.js';
import { PostgresSealingKeyStore } from '../sealing/postgres-sealing-key-store.js';
import {
  ADMIN_SETTINGS,
  AUDIT_LOG,
  CLOCK,
  CONFIG,
  CRASH_POINT,
  DATABASE,
  EVENT_PUBLISHER,
  EVENT_SOURCE,
  GRANT_IMPORTS,
  GRANTS,
  KEY_RING,
  LEAVERS,
  LOGGER,
  OUTBOUND,
  PUBLIC_URL,
  RECOVERY_REQUESTS,
  RECOVERY_STORE,
  REFUSALS,
  REGISTRY,
  SCIM_ACCESS,
  SIGN_IN_CLIENTS,
  REPLAY_ENDS,
  SEALER,
  SEALING_DATABASE,
} from '../tokens.js';
import type { ChangeRequest } from '../registry/change-request.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { AdminSettings } from './admin-settings.js';
import { startFixtureApp } from './fixture-app.module.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- each spec knows the shape it asked for
  readonly body: any;
}

export interface AskOptions {
  readonly body?: unknown;
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

interface FixtureOptions {
  readonly recovery?: boolean;
  readonly bootstrap?: readonly ChangeRequest[];
}

export const vaultPublicUrl = 'https://vault.example.com';

/** The admin API on a database of its own, spoken to over HTTP. */
export class AdminFixture {
  readonly bootstrapToken = randomBytes(32).toString('base64url');
  readonly logged: string[] = [];
  readonly suspended: object[] = [];
  origin = '';
  database!: PostgresDatabase;
  registry!: Registry;
  issuer!: TestIssuer;
  readonly #closing: (() => Promise<unknown>)[] = [];

  static async start(options: FixtureOptions = {}): Promise<AdminFixture> {
    const self = new AdminFixture();
    await self.#start(options);
    return self;
  }

  async #start(options: FixtureOptions): Promise<void> {
    const fresh = await freshDatabase();
    this.database = new PostgresDatabase({
      url: fresh.vaultUrl,
      purpose: 'test',
      maxConnections: 4,
    });
    this.issuer = await TestIssuer.start();
    const outbound = new Outbound({ mode: 'development', allow: [] });
    const destination = { write: (line: string) => void this.logged.push(line) };
    const logger = createLogger({ app: 'vault', level: 'trace', destination });
    const clock = new SynchronisedClock();
    const bus = new PostgresEventBus(fresh.vaultUrl, clock, logger);
    await bus.start();
    const { app, origin } = await startFixtureApp(
      [
        { provide: ADMIN_SETTINGS, useValue: this.#settings(options) },
        { provide: AUDIT_LOG, useValue: new PostgresAuditLog() },
        { provide: PostgresAuditExport, useValue: new PostgresAuditExport(this.database) },
        { provide: CLOCK, useValue: clock },
        { provide: CONFIG, useValue: { databaseUrl: fresh.vaultUrl } },
        { provide: CRASH_POINT, useValue: noCrash },
        { provide: DATABASE, useValue: this.database },
        { provide: EVENT_PUBLISHER, useValue: bus },
        { provide: EVENT_SOURCE, useValue: bus },
        { provide: PostgresEventBus, useValue: bus },
        { provide: GRANTS, useValue: this.#grants() },
        { provide: GRANT_IMPORTS, useValue: {} },
        { provide: RECOVERY_STORE, useValue: {} },
        { provide: REFUSALS, useValue: this.#refusals(logger) },
        { provide: RECOVERY_REQUESTS, useValue: {} },
        { provide: REPLAY_ENDS, useValue: {} },
        { provide: LEAVERS, useValue: {} },
        { provide: SCIM_ACCESS, useValue: {} },
        { provide: SIGN_IN_CLIENTS, useValue: {} },
        { provide: LOGGER, useValue: logger },
        { provide: OUTBOUND, useValue: outbound },
        { provide: PUBLIC_URL, useValue: vaultPublicUrl },
        { provide: ReadinessChecks, useValue: new ReadinessChecks(() => undefined) },
        ...(await sealing(this.database)),
      ],
      logger,
    );
    this.origin = origin;
    this.registry = app.get<Registry>(REGISTRY);
    this.#closing.push(
      () => app.close(),
      () => bus.stop(),
      () => outbound.close(),
      () => this.issuer.stop(),
      () => this.database.close(),
      () => fresh.drop(),
    );
  }

  #settings({ recovery = false, bootstrap = [] }: FixtureOptions): AdminSettings {
    return { bootstrapToken: new Secret(this.bootstrapToken), recovery, bootstrap };
  }

  #refusals(logger: VaultLogger) {
    return new CountedRefusals(this.database, new PostgresAuditLog(), logger);
  }

  #grants() {
    return {
      suspend: (_tx: unknown, where: object) => Promise.resolve(this.suspended.push(where)),
      revoke: (id: string): Promise<RevocationReport> =>
        Promise.resolve({
          ...{ grantId: id, atProvider: 'revoked', detail: 'Revoked.' },
          ...{ retrying: false, remaining: [] },
        }),
    };
  }

  async stop(): Promise<void> {
    for (const close of this.#closing) await close();
  }

  /** As the bootstrap administrator unless another token is given; `null` sends none. */
  async ask(method: string, path: string, options: AskOptions = {}): Promise<Answer> {
    const { token = this.bootstrapToken, body, headers } = options;
    const raw = typeof body === 'string';
    const answer = await fetch(`${this.origin}${path}`, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const json = answer.headers.get('content-type')?.includes('json');
    return {
      status: answer.status,
      headers: answer.headers,
      text,
      body: json && text !== '' ? JSON.parse(text) : undefined,
    };
  }

  issuerBody(more: object = {}): object {
    const login = { clientId: 'vault', clientSecret: 'canary-login-secret' };
    return { issuer: this.issuer.issuer, login, ...more };
  }

  /** Registers one resource of each kind. */
  async registerAll(): Promise<void> {
    const all: [string, object][] = [
      ['issuers/corporate', this.issuerBody({ audiences: ['https://gateway.example.com'] })],
      [
        'applications/tour',
        { issuer: 'corporate', clientId: 'tour', name: 'Tour', trust: 'known' },
      ],
      ['oauth-clients/snow', oauthClientBody],
      ['upstreams/snowdemo', upstreamBody],
      ['upstreams/open', { ...upstreamBody, credential: { type: 'none' } }],
    ];
    for (const [path, body] of all) {
      const { status, text } = await this.ask('PUT', `/admin/v1/${path}`, { body });
      if (status !== 201) throw new Error(`${path}: ${status} ${text}`);
    }
  }
}

export const oauthClientBody = {
  name: 'Snow',
  endpoints: { authorization: 'http://127.0.0.1:9/authorize', token: 'http://127.0.0.1:9/token' },
  clientId: 'symbolon',
  clientSecret: 'canary-client-secret',
  scopes: ['read'],
};

export const upstreamBody = {
  name: 'Snow demo',
  type: 'mcp',
  url: 'http://127.0.0.1:4400/mcp',
  credential: { type: 'oauth', oauthClient: 'snow', scopes: ['run', 'read'] },
};

async function sealing(database: PostgresDatabase) {
  const key = randomBytes(32).toString('base64url');
  const ring = readKeyRing('env:RING', false, { RING: key });
  const sealer = new KeyRingSealer(new PostgresSealingKeyStore(database), ring);
  await sealer.unseal();
  return [
    { provide: SEALER, useValue: sealer },
    { provide: KeyRingSealer, useValue: sealer },
    { provide: KeepUnsealed, useValue: { look: () => sealer.unseal() } },
    { provide: KEY_RING, useValue: ring },
    { provide: SEALING_DATABASE, useValue: database },
  ];
}
